#!/usr/bin/env bash
# check_exports.sh LIBRARY HEADER
#
# A shared library exports every function of HEADER, the C interface, and beside them only functions
# and classes of the namespace lanewise itself: nothing of its layers or of the standard library. Its
# soname is liblanewise.so.0.
set -euo pipefail
library=$1 header=$2
soname=$(readelf -d "$library" | sed -nE 's/.*soname: \[(.*)\]/\1/p')
[ "$soname" = liblanewise.so.0 ] || { echo "the soname is '$soname', not liblanewise.so.0"; exit 1; }
declared=$(sed -nE 's/.*LW_API [^(]*\b(lw_[a-z0-9_]+)\(.*/\1/p' "$header" | sort)
[ -n "$declared" ] || { echo "no function found in $header"; exit 1; }
# Without the version of a symbol, and without its node, an absolute symbol.
exported=$(nm --dynamic --defined-only --no-sort "$library" |
  awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
exported_c=$(awk '/^lw_/' <<< "$exported")
missing=$(comm -23 <(echo "$declared") <(echo "$exported_c"))
surplus=$(comm -13 <(echo "$declared") <(echo "$exported_c"))
# Classes have capital letters, nested namespaces have none; tables of a class are its own.
others=$(grep -v '^lw_' <<< "$exported" | c++filt | awk '
  { name = $0; sub(/^(non-virtual thunk to |vtable for |typeinfo (name )?for )/, "", name) }
  name !~ /^lanewise::/ || name ~ /^lanewise::[a-z0-9_]+::/')
for name in $missing; do echo "$header declares $name, which is not exported"; done
for name in $surplus; do echo "$name is exported, but $header does not declare it"; done
[ -z "$others" ] || { echo "exported, but not public:"; echo "$others"; }
[ -z "$missing$surplus$others" ] || exit 1
echo "$(wc -l <<< "$declared") functions of the C interface, $(grep -vc '^lw_' <<< "$exported") symbols of the C++ interface"
