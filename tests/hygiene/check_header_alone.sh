#!/usr/bin/env bash
# check_header_alone.sh CXX INCLUDE_DIR HEADER
#
# Compiles the header with nothing before it, twice in a row, without a warning.
set -euo pipefail
printf '#include "%s"\n#include "%s"\n' "$3" "$3" |
  "$1" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I "$2" -x c++ -
