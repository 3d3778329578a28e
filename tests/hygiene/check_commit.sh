#!/usr/bin/env bash
# check_commit.sh CMAKE SCRIPT
#
# SCRIPT, cmake/commit.cmake, writes the commit of a checkout, and whether it has changes; writes nothing
# again without need, so that no build compiles it again; and gives an archive no commit.
set -euo pipefail
cmake=$1 script=$2
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/project"
cd "$tree"

write() { "$cmake" -DSOURCE_DIR="$1" -DOUTPUT="$tree/commit.cpp" -P "$script"; }
expect() { grep -qE "return \"$1\"" commit.cpp || { echo "expected $1 $2, got:"; cat commit.cpp; exit 1; }; }
git() { command git -C "$tree/project" -c user.name=a -c user.email=a@localhost "$@" > /dev/null; }

write "$tree/project"
expect '' 'without a checkout'
git init --quiet --initial-branch=main
echo 1 > project/file
git add file
git commit -m first
mkdir project/archive
write "$tree/project/archive"
expect '' 'in an archive inside a checkout'
write "$tree/project"
expect '[0-9a-f]{7,}' 'in a checkout'
touch -d 2001-01-01 commit.cpp
write "$tree/project"
[ commit.cpp -ot project/file ] || { echo "written again, though nothing changed"; exit 1; }
echo 2 > project/file
write "$tree/project"
expect '[0-9a-f]{7,}-dirty' 'with changes'
echo "the commit is written, and only when it changes"
