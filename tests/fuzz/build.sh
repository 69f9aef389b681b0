#!/usr/bin/env bash
# Brings the fuzz targets up to date: build/fuzz/bin/NAME_fuzz.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdir -p build
cmake --preset fuzz >build/fuzz-configure.log 2>&1 || {
  cat build/fuzz-configure.log
  exit 1
}
cmake --build --preset fuzz -j "$(nproc)"
