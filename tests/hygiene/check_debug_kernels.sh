#!/usr/bin/env bash
# check_debug_kernels.sh REPOSITORY WORK_DIR CMAKE CXX ISA...
#
# Runs check_weak_symbols.sh on the kernels of a Debug build, where functions that a release build
# inlines may leave symbols. Without debugging information, which changes no symbol and takes as long
# to compile as the code.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$1 work=$2 cmake=$3 cxx=$4; shift 4

"$cmake" -S "$repository" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG= -DCMAKE_CXX_COMPILER="$cxx" \
  -DLANEWISE_BUILD_CLI=OFF -DLANEWISE_BUILD_TESTS=OFF -DLANEWISE_BUILD_BENCH=OFF \
  -DLANEWISE_BUILD_EXAMPLES=OFF > "$work.log" || { cat "$work.log"; exit 1; }
"$cmake" --build "$work" --target "${@/#/lanewise_kernels_}" > "$work.log" || { cat "$work.log"; exit 1; }
mapfile -d '' -t objects < <(find "$work" -path '*/lanewise_kernels_*' -name '*.o' -print0)
"$here/check_weak_symbols.sh" "${objects[@]}"
