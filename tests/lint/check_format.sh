#!/usr/bin/env bash
# Every C++ source is as clang-format 14 writes it (make format mends it).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
git ls-files -z '*.cc' '*.h' | xargs -0 clang-format-14 --dry-run --Werror
