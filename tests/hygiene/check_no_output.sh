#!/usr/bin/env bash
# check_no_output.sh --sources REPOSITORY    or    check_no_output.sh --objects FILE.a...
#
# The library runs inside other programs: it never prints, ends the process, or changes signal
# handlers or the environment. --sources checks the text of include, ops, runtime and converters;
# --objects checks the undefined symbols of the compiled libraries, which also finds calls hidden
# behind a macro.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=$1; shift

case $mode in
  --sources)
    cd "$1"
    words='\b(printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|abort|exit|_exit|_Exit|quick_exit|terminate|assert|setenv|unsetenv|putenv|signal|sigaction)[[:space:]]*\(|\b(cout|cerr|clog|stdout|stderr)\b'
    mapfile -t files < <(find include ops runtime converters -type f \( -name '*.hpp' -o -name '*.cpp' \) 2>/dev/null | sort)
    found=$(for file in "${files[@]}"; do
      sed -n -E -f "$here/strip_comments.sed" "$file" | grep -nE "$words" | sed "s|^|$file:|" || true
    done)
    ;;
  --objects)
    words='abort|exit|_exit|_Exit|quick_exit|__assert_fail|(__)?v?f?printf(_chk)?|puts|fputs|putchar|perror|stdout|stderr|setenv|unsetenv|putenv|signal|sigaction|_ZSt4cout|_ZSt4cerr|_ZSt4clog'
    files=("$@")
    found=$(nm --undefined-only --print-file-name -- "${files[@]}" | grep -E " U ($words)(@.*)?$" || true)
    ;;
  *) echo "check_no_output.sh: --sources or --objects" >&2; exit 2 ;;
esac
[ ${#files[@]} -gt 0 ] || { echo "check_no_output.sh: nothing to check" >&2; exit 2; }
if [ -n "$found" ]; then
  echo "the library must not print, end the process or change its environment:"
  printf '%s\n' "$found"
  exit 1
fi
echo "${#files[@]} files are silent"
