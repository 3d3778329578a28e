#!/usr/bin/env bash
# check_man_page.sh PROGRAM
#
# groff formats the manual page that PROGRAM --man prints without a warning, and the page names every
# command and every flag that --help names.
set -euo pipefail
command -v groff > /dev/null || { echo "needs groff"; exit 77; }
program=$1
# 200 columns, so that no line is broken. col removes the overstriking of bold text.
page=$("$program" --man | groff -man -Tutf8 -ww -rLL=200n 2>&1 >/dev/null)
[ -z "$page" ] || { echo "groff complains:"; echo "$page"; exit 1; }
page=$("$program" --man | GROFF_NO_SGR=1 groff -man -Tutf8 -rLL=200n | sed 's/.\x08//g')
commands=$("$program" --help | sed -nE '/^Commands:/,/^$/s/^  ([a-z-]+) .*/\1/p')
[ -n "$commands" ] || { echo "no commands found"; exit 1; }
missing=0 flags=0
for command in $commands; do
  section=$(awk -v start="   lanewise $command " 'index($0, start) == 1 {found = 1; print; next} /^ ? ? ?[^ ]/ {found = 0} found' <<< "$page")
  [ -n "$section" ] || { echo "$command is not described"; missing=1; continue; }
  for flag in $("$program" "$command" --help | sed -nE '/every command/,/^$/d; s/^  (-[a-zA-Z],)?(--[a-z-]+).*/\2/p'); do
    flags=$((flags + 1))
    [ "$flag" = --help ] || grep -qE -- "(^| |,)$flag( |\$)" <<< "$section" || { echo "$command: no $flag"; missing=1; }
  done
done
[ $missing = 0 ] || exit 1
echo "$(wc -w <<< "$commands") commands with $flags flags, no warnings"
