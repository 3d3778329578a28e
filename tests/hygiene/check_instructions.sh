#!/usr/bin/env bash
# check_instructions.sh "FLAG..." OBJECT...
#
# Fails if an object has an instruction beyond original x86-64 (SSE2) and the compiler flags
# FLAG..., none or those of an instruction set: "-mavx2 -mfma". A CPU that lacks it would end the
# program there; code for better CPUs is reached only through the dispatcher.
#
# Uses the assembler, which knows the extension of each instruction: it gets the whole disassembly,
# with all other extensions disabled.
set -euo pipefail
[ $# -ge 2 ] || { echo "check_instructions.sh: no object files" >&2; exit 2; }
flags=$1; shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The assembler's names for the flags: -mavx512vnni is +avx512_vnni.
architecture=generic64
for flag in $flags; do
  case $flag in
    -msse2 | -mprefer-vector-width=*) ;;
    -m*) architecture+=+$(sed -E 's/^-m//; s/^avx512(vnni|bf16)$/avx512_\1/; s/^avxvnni$/avx_vnni/' <<< "$flag") ;;
  esac
done

# Each distinct instruction once, with one of its places: line N of `code` is at line N of `where`.
# Omitted are
#   data16            prefixes used as padding, more than the assembler would write
#   endbr64           does nothing on a CPU that does not know it
#   tzcnt             compilers write "rep bsf" where both give the same, and it is disassembled as this
#   xgetbv            the dispatcher executes it only if cpuid permits
# Jumps and calls refer to symbols of the disassembler, so their target is replaced by 0.
objdump -d --no-show-raw-insn -- "$@" | awk -F '\t' -v code="$work/code" -v where="$work/where" '
  NF < 2 && / file format / { object = $1; sub(/: +file format.*/, "", object); sub(/.*\//, "", object) }
  NF < 2 && /^[0-9a-f]+ <.*>:$/ { name = $1; sub(/^[^<]*</, "", name); sub(/>:$/, "", name) }
  NF < 2 { next }
  {
    total++
    if ($2 in met) next
    met[$2] = 1
    line = $2
    sub(/[ ]*#.*$/, "", line)
    sub(/ *<[^>]*> *$/, "", line)
    sub(/^(data16 )+/, "", line)
    sub(/ +$/, "", line)
    if (line ~ /^(endbr64|xgetbv|tzcnt.*)$/ || line == "") next
    if (line ~ /^((notrack|bnd|rex\.W) )?(call|j[a-z]+)[a-z,]* +[0-9a-f]+$/) sub(/[0-9a-f]+$/, "0", line)
    if (line in seen) next
    seen[line] = 1
    print line > code
    print object ": " name > where
  }
  END { print total + 0 }' > "$work/total"
[ -s "$work/code" ] || { echo "check_instructions.sh: no instructions in $*" >&2; exit 2; }

if ! as -march="$architecture" -o /dev/null "$work/code" 2> "$work/errors"; then
  echo "instructions beyond $architecture:"
  sed -nE 's/^[^:]*:([0-9]+): Error: .*/\1/p' "$work/errors" > "$work/lines"
  [ -s "$work/lines" ] || cat "$work/errors"
  head -n 10 "$work/lines" | while read -r line; do
    printf '  %-40s %s\n' "$(sed -n "${line}p" "$work/code")" "$(sed -n "${line}p" "$work/where" | c++filt)"
  done
  echo "$(wc -l < "$work/lines") different ones"
  exit 1
fi
echo "$# object files, $(cat "$work/total") instructions, $(wc -l < "$work/code") different: none beyond $architecture"
