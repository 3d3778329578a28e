#!/usr/bin/env bash
# check_size.sh BYTES PROGRAM
#
# Prints the size of the program without symbols, and fails if it is BYTES or more. The program
# contains the library, converters and all instruction sets, so it bounds the size that applications
# ship.
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
