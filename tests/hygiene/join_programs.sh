#!/usr/bin/env bash
# join_programs.sh REPOSITORY FOLDER
#
# Joins the C++ programs of the README and of docs/ to one, FOLDER/guide.cpp, whose first argument is
# the name of a program. FOLDER/list has their names, each with what it runs on: above a program of docs/ stands
# `<!-- runs on: MODEL -->`. READMEs in other languages must have the same programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$1 folder=$2

mkdir -p "$folder"
# Each program becomes a namespace, whose main() is called by its name.
awk -v folder="$folder" -f "$here/join_programs.awk" "$repository/README.md" "$repository"/docs/*.md \
  > "$folder/guide.cpp"
programs_of() { sed -n '/^```cpp$/,/^```$/p' "$1"; }
for other in "$repository"/README.*.md; do
  [ -e "$other" ] || continue
  cmp -s <(programs_of "$repository/README.md") <(programs_of "$other") ||
    echo "$other has another program" >> "$folder/faults"
done
while read -r name model; do
  [ -e "$repository/$model" ] || echo "$name runs on $model, which is not there" >> "$folder/faults"
done < "$folder/list"
cat "$folder/faults"
[ ! -s "$folder/faults" ]
