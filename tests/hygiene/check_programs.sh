#!/usr/bin/env bash
# check_programs.sh REPOSITORY PROGRAM CHECKPOINT WORK_DIR CMAKE CXX
#
# Builds the C++ programs of the README and of docs/ against the installed package in WORK_DIR/prefix,
# all of them as one (join_programs.sh), and runs each on its model. That of the README runs on the
# converted CHECKPOINT. Exits with 77, a skip in CTest, if that is absent, after all others have run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$1 program=$2 checkpoint=$3 work=$4 cmake=$5 cxx=$6

rm -rf "$work/programs"
"$here/join_programs.sh" "$repository" "$work/programs"
"$here/../install/run.sh" build "$cmake" "$cxx" "$work" "$work/programs/guide.cpp"
cd "$work/programs"
count=0
while read -r name model; do
  [ "$name" != README_1 ] || continue
  "$work/guide/consumer" "$name" "$repository/$model" > "$name.out" || { echo "$name fails"; exit 1; }
  [ -s "$name.out" ] || { echo "$name prints nothing"; exit 1; }
  count=$((count + 1))
done < list
[ $count -ge 10 ] || { echo "only $count programs found"; exit 1; }
echo "$count programs of docs/ run"
if [ ! -f "$checkpoint/config.json" ]; then
  echo "no checkpoint in $checkpoint (tools/get-model minilm): that of the README is skipped"
  exit 77
fi
"$program" convert "$checkpoint" -o model.lw
"$work/guide/consumer" README_1 model.lw
