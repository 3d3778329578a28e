#!/usr/bin/env bash
# expect_failure.sh PATTERN COMMAND [ARGUMENT...]
#
# Passes if the command fails with output that matches PATTERN (an extended regular expression). A
# check that cannot fail proves nothing, so each one is run on a planted fault.
set -euo pipefail
pattern=$1; shift
if output=$("$@" 2>&1); then
  printf 'it passed, but should have failed:\n%s\n' "$output"; exit 1
fi
printf '%s\n' "$output"
grep -qE -- "$pattern" <<< "$output" || { echo "it failed without saying: $pattern"; exit 1; }
