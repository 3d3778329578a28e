#!/usr/bin/env bash
# run.sh install CMAKE BUILD_DIR WORK_DIR
# run.sh build CMAKE CXX WORK_DIR SOURCE
# run.sh consume CMAKE CXX WORK_DIR SOURCE [ARGUMENT...]
# run.sh pkg-config CC WORK_DIR
#
# install: installs BUILD_DIR into WORK_DIR/prefix. build: configures tests/install against that
# prefix with find_package, and builds SOURCE in a folder of WORK_DIR with its name, as `consumer`.
# consume: runs it too, with the arguments. pkg-config: builds the example in C with the compiler alone, and pronounces a word with the bundled model.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
step=$1; shift

case $step in
  install)
    cmake=$1 build=$2 work=$3
    rm -rf "$work/prefix"
    "$cmake" --install "$build" --prefix "$work/prefix" > /dev/null
    # Exactly the public headers are installed.
    expected=$(cd "$here/../../include" && find lanewise -name '*.hpp' -o -name '*.h' | sort)
    found=$(cd "$work/prefix/include" && find . -type f | sed 's|^\./||' | sort)
    diff <(echo "$expected") <(echo "$found")
    [ ! -x "$work/prefix/bin/lanewise" ] || [ -s "$work/prefix/share/man/man1/lanewise.1" ] ||
      { echo "the program is installed without its manual page"; exit 1; }
    unit=$work/prefix/lib/systemd/system/lanewise-serve@.service
    if [ -e "$unit" ] && command -v systemd-analyze > /dev/null; then
      # It also fails where the program is not what the unit starts, and warns of unknown settings.
      complaints=$(systemd-analyze verify --man=no "${unit/@/@name}" 2>&1) || complaints+=" failed"
      [ -z "$complaints" ] || { echo "systemd complains: $complaints"; exit 1; }
    fi
    ! grep -rn "$build" "$work/prefix/lib/cmake" || { echo "the package names the build folder"; exit 1; }
    echo "installed $(wc -l <<< "$found") headers"
    ;;
  build | consume)
    cmake=$1 cxx=$2 work=$3 source=$4; shift 4
    build=$work/$(basename "$source" .cpp)
    rm -rf "$build"
    "$cmake" -S "$here" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_PREFIX_PATH="$work/prefix" -DCONSUMER_SOURCE="$source" > "$build.log" ||
      { cat "$build.log"; exit 1; }
    "$cmake" --build "$build" > "$build.log" || { cat "$build.log"; exit 1; }
    [ "$step" = build ] || "$build/consumer" "$@"
    ;;
  pkg-config)
    cc=$1 work=$2
    files=("$work"/prefix/lib/*/pkgconfig "$work"/prefix/lib/pkgconfig)
    PKG_CONFIG_PATH=$(IFS=:; echo "${files[*]}")
    export PKG_CONFIG_PATH
    command -v pkg-config > /dev/null || { echo "needs pkg-config"; exit 77; }
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$here/../../examples/c_texts/main.c" -o "$work/c_texts" \
      $(pkg-config --cflags --libs lanewise)
    spoken=$(LD_LIBRARY_PATH=$(pkg-config --variable=libdir lanewise) \
      "$work/c_texts" "$here/../../models/g2p" transformer)
    echo "$spoken"
    [[ $spoken == "T R AE0 N S F AO1 R M ER0 "* ]]
    ;;
  *) echo "run.sh: unknown step: $step" >&2; exit 2 ;;
esac
