#!/usr/bin/env bash
# check_guide.sh FOLDER
#
# The table in FOLDER/README.md has a line for each header of FOLDER, `| name.hpp in backquotes | what
# it is for |`, and for no other.
set -euo pipefail
cd "$1"
listed=$(sed -nE 's/^\| `([a-z0-9_]+\.h(pp)?)` \|.*/\1/p' README.md | sort)
present=$(find . -maxdepth 1 \( -name '*.hpp' -o -name '*.h' \) -printf '%f\n' | sort)
[ -n "$present" ] || { echo "no headers found"; exit 1; }
missing=$(comm -13 <(echo "$listed") <(echo "$present"))
surplus=$(comm -23 <(echo "$listed") <(echo "$present"))
for header in $missing; do echo "$header has no line in $1/README.md"; done
for header in $surplus; do echo "$1/README.md describes $header, which is not there"; done
[ -z "$missing$surplus" ] || exit 1
echo "$(wc -l <<< "$present") headers, all in the guide"
