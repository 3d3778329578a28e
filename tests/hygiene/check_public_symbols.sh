#!/usr/bin/env bash
# check_public_symbols.sh OBJECT...
#
# The objects of cli/ ask the linker for nothing in the library but its public interface, which is
# the namespace `lanewise` itself: what is in a namespace within it, other than lanewise::cli, is
# hidden in a shared build.
set -euo pipefail
[ $# -gt 0 ] || { echo "check_public_symbols.sh: nothing to check" >&2; exit 2; }
wanted=$(nm --undefined-only --no-sort -- "$@" | sed -nE 's/^ +U //p' | sort -u | c++filt)
# awk and not grep: that nothing matches is no failure here.
public=$(awk '/^lanewise::/ && !/^lanewise::cli::/ { n++ } END { print n + 0 }' <<< "$wanted")
[ "$public" -gt 0 ] || { echo "no symbol of the library found"; exit 1; }
# Types of arguments too: no public call takes one that is not public.
hidden=$(awk '/lanewise::[a-z0-9_]+::/ && !/^(typeinfo for |vtable for )?lanewise::cli::/' <<< "$wanted")
if [ -n "$hidden" ]; then
  echo "cli/ uses what is not public:"
  echo "$hidden"
  exit 1
fi
echo "$public symbols of the public interface, no other"
