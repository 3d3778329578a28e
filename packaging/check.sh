#!/usr/bin/env bash
# check.sh PACKAGE.deb...
#
# As root, on a machine without lanewise: installs the packages with what they depend on, pronounces a
# word by the program and by a program that is compiled here, removes them, and finds nothing left.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
packages=("$@") names=()
for package; do names+=("$(dpkg-deb --field "$package" Package)"); done
apt() { apt-get -qq -o Dpkg::Use-Pty=0 "$@" > /dev/null; }
fail() { echo "check.sh: $*" >&2; exit 1; }
expect() { case $1 in "$2"*) echo "$1" ;; *) fail "expected '$2', got '$1'" ;; esac }
has() { [[ " ${names[*]} " == *" $1 "* ]]; }

word='T R AE0 N S F AO1 R M ER0'
apt update
apt install -y --no-install-recommends "${packages[@]}"
echo "installed: ${names[*]}"
if has lanewise; then
  lanewise --version
  expect "$(lanewise generate models/g2p transformer)" "$word"
  unit=/usr/lib/systemd/system/lanewise-serve@.service
  grep -qx 'ExecStart=/usr/bin/lanewise serve .*' $unit || fail "$unit is not right"
fi
if has liblanewise-dev; then
  apt install -y --no-install-recommends g++ pkg-config
  # shellcheck disable=SC2046
  cc -std=c11 examples/c_texts/main.c -o /tmp/c_texts $(pkg-config --cflags --libs lanewise)
  expect "$(/tmp/c_texts models/g2p transformer)" "$word"
fi

apt purge -y "${names[@]}"
# All that they install has the name in its path.
left=$(find / -xdev \( -path /proc -o -path /tmp -o -path "$PWD" -o -path "$(dirname "${packages[0]}")" \) -prune -o \
  -name '*lanewise*' -print)
[ -z "$left" ] || fail "still there: $left"
! ldconfig -p | grep lanewise || fail "the loader's cache still has the library"
echo "removed, nothing left"
