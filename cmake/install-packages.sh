#!/usr/bin/env bash
# Installs the Debian packages of the named purposes (see packages.txt), those that are missing only: install-packages.sh build test
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
missing=()
for purpose in "$@"; do
  while read -r package; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
      missing+=("$package")
    fi
  done < <(awk -v purpose="$purpose" '$1 == purpose {print $2}' "$here/packages.txt")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "these Debian 12 packages are needed, and there is no apt-get to install them: ${missing[*]}" >&2
  exit 1
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "these packages must be installed by root, and there is no sudo: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
echo "installing ${#missing[@]} packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A service of one of them (prometheus) is of no use here and must not start.
"${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
