#!/usr/bin/env bash
# Boots the TPM of a demo node: a reset, then the measurements of a recorded boot in the order in which that machine made them.
#
#   demo/boot.sh NODE
set -euo pipefail
# shellcheck source=demo/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ $# -eq 1 ] || die "usage: demo/boot.sh NODE"
tpm=$dir/machines/$1
[ -d "$tpm/state" ] || die "no machine $1 in build/demo: start the demo with 'make demo'"
# A fresh machine has its PCRs at zero; another one is switched off and on.
if [ -f "$tpm/booted" ]; then "$machine" reset "$tpm"; fi
grep -v '^#' "$root/tests/data/boot-logs/rhel8-shielded-vm.digests" | while read -r pcr digests; do
  # shellcheck disable=SC2086  # one word for each bank
  "$machine" extend "$tpm" "$pcr" $digests
done
touch "$tpm/booted"
