#!/usr/bin/env bash
# check.sh PACKAGE.deb...
#
# As root, on a machine that has none of the packages: installs them with what they depend on, pronounces
# a word by the program and by a program that is compiled here, removes them, and finds nothing left.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
packages=("$@") names=()
for package; do names+=("$(dpkg-deb --field "$package" Package)"); done
apt() { apt-get -qq -o Dpkg::Use-Pty=0 "$@" > /dev/null; }
fail() { echo "check.sh: $*" >&2; exit 1; }
expect() { case $1 in "$2"*) echo "$1" ;; *) fail "expected '$2', got '$1'" ;; esac }

files() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /src -o -path /var \) -prune -o -print | sort; }

word='T R AE0 N S F AO1 R M ER0'
apt update
# What they depend on stays, so it is installed before the files are listed.
apt install -y --no-install-recommends g++ pkg-config "${packages[@]}"
apt purge -y "${names[@]}"
files > /tmp/before
dpkg --install "${packages[@]}" > /dev/null
echo "installed: ${names[*]}"

lanewise --version
expect "$(lanewise generate models/g2p transformer)" "$word"
if [[ " ${names[*]} " == *" liblanewise-dev "* ]]; then
  # shellcheck disable=SC2046
  cc -std=c11 examples/c_texts/main.c -o /tmp/c_texts $(pkg-config --cflags --libs lanewise)
  expect "$(/tmp/c_texts models/g2p transformer)" "$word"
fi

dpkg --purge "${names[@]}" > /dev/null
files > /tmp/after
diff /tmp/before /tmp/after || fail "files are left, or lost"
! ldconfig -p | grep -q lanewise || fail "the loader's cache still has the library"
echo "removed, nothing left"
