#!/usr/bin/env bash
# check_size.sh BYTES PROGRAM
#
# Prints how large the program is without its symbols, and fails if that is BYTES or more. It holds
# the library, converters and all instruction sets: what an application ships grows with it.
set -euo pipefail
limit=$1 program=$2
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$program"
bytes=$(stat -c %s "$stripped")
echo "${program##*/}: $bytes bytes stripped, of $limit"
if [ "$bytes" -ge "$limit" ]; then
  echo "the program is too large; its largest symbols:"
  nm --size-sort --reverse-sort --demangle "$program" | head -n 20 || true
  exit 1
fi
