#!/usr/bin/env bash
# check_weak_symbols.sh OBJECT...
#
# Fails if an object file of the kernels defines a weak symbol. The linker keeps an arbitrary one of
# an inline function's weak copies: one compiled with -mavx512f would then run everywhere, and crash
# the program on a CPU without AVX-512. Everything in these objects must be local to its file or
# named after its instruction set.
set -euo pipefail
[ $# -gt 0 ] || { echo "check_weak_symbols.sh: no object files" >&2; exit 2; }

# DW.ref.* are pointers to the exception handler: data, the same in every object.
found=$(nm --demangle --print-file-name --defined-only -- "$@" |
  grep -E '^[^:]*:[0-9a-f]+ [WVu] ' | grep -vE ' V DW\.ref\.' || true)
if [ -n "$found" ]; then
  echo "weak symbols in kernel objects:"
  printf '%s\n' "$found"
  exit 1
fi
echo "$# object files, no weak symbol"
