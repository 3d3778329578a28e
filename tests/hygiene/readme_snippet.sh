#!/usr/bin/env bash
# readme_snippet.sh README PROGRAM CHECKPOINT WORK_DIR CMAKE CXX
#
# Builds the first C++ block of the README against the installed package in WORK_DIR/prefix, and
# runs it on a converted CHECKPOINT. READMEs in other languages have the same block. Exits with 77, a skip in CTest, if the checkpoint is absent.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
readme=$1 program=$2 checkpoint=$3 work=$4 cmake=$5 cxx=$6

mkdir -p "$work"
snippet_of() { sed -n '/^```cpp$/,/^```$/p' "$1" | sed '1d; /^```$/,$d'; }
snippet_of "$readme" > "$work/readme_snippet.cpp"
[ -s "$work/readme_snippet.cpp" ] || { echo "$readme has no \`\`\`cpp block"; exit 1; }
for other in "${readme%.md}".*.md; do
  diff "$work/readme_snippet.cpp" <(snippet_of "$other") || { echo "$other has another block"; exit 1; }
done
if [ ! -f "$checkpoint/config.json" ]; then
  echo "no checkpoint in $checkpoint (tools/get-model minilm): skipped"
  exit 77
fi
"$program" convert "$checkpoint" -o "$work/model.lw"
"$here/../install/run.sh" consume "$cmake" "$cxx" "$work" "$work/readme_snippet.cpp" "$work/model.lw"
