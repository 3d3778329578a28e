# Shared by the tools; sourced, not run. Sets `root`, the folder of the repository.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tool=tools/$(basename "$0")

# Progress goes to stderr: some tools print a result on stdout.
say() { printf '\n== %s\n' "$*" >&2; }
note() { printf '   %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$tool" "$*" >&2; exit 1; }
wrong_usage() { printf '%s: %s (see --help)\n' "$tool" "$*" >&2; exit 2; }

# The comment that a tool starts with is its --help.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//;t p;d;:p p}' "$0"; }

have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND...: directly when root, through sudo otherwise.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else
    have sudo || die "needs root, and there is no sudo; as root run: $*"
    sudo "$@"
  fi
}

# The number of CPUs that this process may use.
jobs() { nproc; }

# build PRESET [CMAKE-OPTION...]: configure and build, quiet unless it fails. The build preset `fuzz` is
# of the configure preset `asan`.
build() {
  local preset=$1 log=$root/build/$1.log
  shift
  mkdir -p "$root/build"
  if ! (cd "$root" && cmake --preset "${preset/fuzz/asan}" "$@" && cmake --build --preset "$preset") >"$log" 2>&1
  then
    tail -n 60 "$log" >&2
    note "the $preset build failed; the whole log is build/$preset.log"
    return 1
  fi
}
