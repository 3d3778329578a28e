#!/usr/bin/env bash
# check_public_symbols.sh OBJECT...
#
# The objects of cli/ and serve/ use only the library's public interface, the namespace `lanewise`
# itself: nested namespaces other than their own are hidden in a shared build.
set -euo pipefail
[ $# -gt 0 ] || { echo "check_public_symbols.sh: nothing to check" >&2; exit 2; }
wanted=$(nm --undefined-only --no-sort -- "$@" | sed -nE 's/^ +U //p' | sort -u | c++filt)
# awk instead of grep, which would fail without a match.
public=$(awk '/^lanewise::/ && !/^lanewise::(cli|serve)::/ { n++ } END { print n + 0 }' <<< "$wanted")
[ "$public" -gt 0 ] || { echo "no symbol of the library found"; exit 1; }
# Also checks types of arguments: no public call takes one that is not public.
hidden=$(awk '/lanewise::[a-z0-9_]+::/ && !/^(typeinfo for |vtable for )?lanewise::(cli|serve)::/' <<< "$wanted")
if [ -n "$hidden" ]; then
  echo "cli/ or serve/ uses what is not public:"
  echo "$hidden"
  exit 1
fi
echo "$public symbols of the public interface, no other"
