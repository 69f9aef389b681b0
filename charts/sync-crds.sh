#!/usr/bin/env bash
# Copies the CRDs of crds/, the source of truth, into the chart. With --check it changes nothing and fails when the two differ.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source=$root/crds
copy=$root/charts/plimsoll/files/crds

if [ "${1:-}" = --check ]; then
  if ! diff -r "$source" "$copy"; then
    echo "the chart's CRDs are not those of crds/: run charts/sync-crds.sh" >&2
    exit 1
  fi
  exit 0
fi
mkdir -p "$copy"
rm -f "$copy"/*.yaml
cp "$source"/*.yaml "$copy"/
