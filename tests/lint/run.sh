#!/usr/bin/env bash
# All lints; each says what is wrong and where, and all run even when one fails.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
failed=0
for check in tests/lint/check_format.sh tests/lint/check_layering.py tests/lint/check_table.py tests/lint/check_text.sh tests/lint/check_shell.sh tests/lint/check_yaml.sh; do
  if "$check"; then
    echo "ok      $check"
  else
    echo "FAILED  $check" >&2
    failed=1
  fi
done
exit $failed
