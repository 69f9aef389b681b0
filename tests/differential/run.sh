#!/usr/bin/env bash
# Compares kubectl-plimsoll with other readers of boot event logs. Usage: run.sh PROGRAM
#
# Go builds the peers from the versions that go.mod and go.sum pin; modules and build results stay in Go's own caches.
set -euo pipefail

program=$(readlink -f "${1:?usage: run.sh PATH-OF-KUBECTL-PLIMSOLL}")
cd "$(dirname "${BASH_SOURCE[0]}")"

need() {
  command -v "$1" >/dev/null && return
  printf '%s is not installed: %s\n' "$1" "$2" >&2
  exit 1
}
need go "the peers are Go modules. Install Go 1.26 or newer (https://go.dev/dl)"
need tpm2_eventlog "it is one of the peers (Debian: apt-get install tpm2-tools)"
[ -x "$program" ] || {
  printf '%s is not a program; build the target kubectl-plimsoll\n' "$program" >&2
  exit 1
}
PLIMSOLL_KUBECTL=$program CGO_ENABLED=0 go test -count=1 -v .
