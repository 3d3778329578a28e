#!/usr/bin/env bash
# check_text.sh REPOSITORY
#
# No tracked file names a folder of a developer's machine, contains a mark for unfinished work or of
# a merge conflict, or is larger than 1 MB. The bundled model may have 6 MB.
set -euo pipefail
cd "$1"

if git rev-parse --git-dir >/dev/null 2>&1; then
  mapfile -d '' -t files < <(git ls-files -z --cached)
else # an unpacked archive
  mapfile -d '' -t files < <(find . -path ./build -prune -o -type f -print0)
fi
[ ${#files[@]} -gt 0 ] || { echo "check_text.sh: no files" >&2; exit 2; }
for i in "${!files[@]}"; do [ -f "${files[i]}" ] || unset 'files[i]'; done

faults=0
fault() { printf '%s:\n%s\n' "$1" "$2"; faults=1; }
# The brackets prevent this file from matching itself.
found=$(printf '%s\0' "${files[@]}" |
  xargs -0 grep -nHIE '(^|[^A-Za-z0-9_.])/([r]oot|[h]ome/[a-z0-9_]+|[U]sers|[w]ork)/' || true)
[ -z "$found" ] || fault "paths of a machine" "$found"
found=$(printf '%s\0' "${files[@]}" | xargs -0 grep -nHIE '\b(TO[D]O|FIX[M]E|XX[X])\b' || true)
[ -z "$found" ] || fault "unfinished marks" "$found"
found=$(printf '%s\0' "${files[@]}" | xargs -0 grep -nHIE '^(<{7}|>{7}) ' || true)
[ -z "$found" ] || fault "unfinished merges" "$found"
found=$(find "${files[@]}" -maxdepth 0 -size +1048576c \
  ! \( -path '*models/g2p/model.pt' ! -size +6000000c \))
[ -z "$found" ] || fault "files over 1 MB" "$found"
[ $faults = 0 ] || exit 1
echo "${#files[@]} files are clean"
