#!/usr/bin/env bash
# Every shell script that git knows passes shellcheck.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v shellcheck >/dev/null || {
  echo "shellcheck is not installed (Debian: apt-get install shellcheck)" >&2
  exit 1
}
git ls-files -z | xargs -0 grep -lZE '^#!(/usr/bin/env bash|/bin/(ba)?sh)' | xargs -0 shellcheck --external-sources --source-path=.
