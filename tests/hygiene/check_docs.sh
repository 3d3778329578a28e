#!/usr/bin/env bash
# check_docs.sh REPOSITORY
#
# Doxygen reads the guide and the public headers without a warning (tools/docs). Exits with 77, a skip in
# CTest, where there is no Doxygen.
set -euo pipefail
command -v doxygen > /dev/null || { echo "needs doxygen (tools/setup --docs): skipped"; exit 77; }
"$1/tools/docs" --check 2>&1
