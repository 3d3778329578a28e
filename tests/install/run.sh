#!/usr/bin/env bash
# run.sh install CMAKE BUILD_DIR WORK_DIR
# run.sh consume CMAKE CXX WORK_DIR SOURCE [ARGUMENT...]
#
# install: installs BUILD_DIR into WORK_DIR/prefix. consume: configures tests/install against that
# prefix with find_package, builds SOURCE and runs it with the arguments.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
step=$1 cmake=$2; shift 2

case $step in
  install)
    build=$1 work=$2
    rm -rf "$work/prefix"
    "$cmake" --install "$build" --prefix "$work/prefix" > /dev/null
    # Exactly the public headers are installed.
    expected=$(cd "$here/../../include" && find lanewise -name '*.hpp' -o -name '*.h' | sort)
    found=$(cd "$work/prefix/include" && find . -type f | sed 's|^\./||' | sort)
    diff <(echo "$expected") <(echo "$found")
    ! grep -rn "$build" "$work/prefix/lib/cmake" || { echo "the package names the build folder"; exit 1; }
    echo "installed $(wc -l <<< "$found") headers"
    ;;
  consume)
    cxx=$1 work=$2 source=$3; shift 3
    build=$work/$(basename "$source" .cpp)
    rm -rf "$build"
    "$cmake" -S "$here" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_PREFIX_PATH="$work/prefix" -DCONSUMER_SOURCE="$source" > "$build.log" ||
      { cat "$build.log"; exit 1; }
    "$cmake" --build "$build" > "$build.log" || { cat "$build.log"; exit 1; }
    "$build/consumer" "$@"
    ;;
  *) echo "run.sh: unknown step: $step" >&2; exit 2 ;;
esac
