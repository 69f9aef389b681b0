#!/usr/bin/env bash
# Ends all that demo/start.sh has started. What is left is build/demo, with the logs.
set -euo pipefail
# shellcheck source=demo/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ -d "$dir" ] || exit 0
for name in kubelet "${nodes[@]}" "${replicas[@]}"; do
  end "$name"
done
for name in "${nodes[@]}"; do
  if [ -d "$dir/machines/$name" ]; then "$machine" down "$dir/machines/$name"; fi
done
"$control_plane" down "$dir"
