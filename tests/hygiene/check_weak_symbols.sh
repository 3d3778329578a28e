#!/usr/bin/env bash
# check_weak_symbols.sh OBJECT...
#
# Fails if an object file of the kernels defines a weak symbol. Of the weak copies of an inline
# function the linker keeps any one: a copy compiled with -mavx512f then runs for everybody, and
# kills the program on a CPU without it. Everything in these objects must be local to its file or
# named after its instruction set.
set -euo pipefail
[ $# -gt 0 ] || { echo "check_weak_symbols.sh: no object files" >&2; exit 2; }

# DW.ref.* are pointers to the exception handler, the same data in every object: no code.
found=$(nm --demangle --print-file-name --defined-only -- "$@" |
  grep -E '^[^:]*:[0-9a-f]+ [WVu] ' | grep -vE ' V DW\.ref\.' || true)
if [ -n "$found" ]; then
  echo "weak symbols in kernel objects:"
  printf '%s\n' "$found"
  exit 1
fi
echo "$# object files, no weak symbol"
