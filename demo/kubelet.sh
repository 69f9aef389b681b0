#!/usr/bin/env bash
# What kubelets do for the pods of the demo, whose programs run as plain processes here: it keeps their token files and the CA file fresh.
#
#   demo/kubelet.sh DIR
#
# The tokens of agents are asked for with the credential of their own node, as a kubelet does: the API server grants it only for pods on that node and for
# the audiences that the pod's volumes name. They are valid for ten minutes, and renewed in the fourth.
set -euo pipefail
# shellcheck source=demo/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ "$(realpath "${1:?usage: demo/kubelet.sh DIR}")" = "$(realpath "$dir")" ] || die "this demo lives in $dir"
umask 077

# keep FILE COMMAND...: the command's output becomes the file, in one step; the old file stays when the command fails.
keep() {
  local file=$1
  shift
  if "$@" >"$file.new" 2>"$file.error" && [ -s "$file.new" ]; then
    mv "$file.new" "$file"
  else
    printf '%s %s: %s\n' "$(date -u +%FT%TZ)" "${file#"$dir"/}" "$(cat "$file.error")"
    return 1
  fi
}

# token KUBECONFIG SERVICEACCOUNT POD [FLAG...]
token() {
  local uid
  uid=$(kubectl --kubeconfig="$1" get pod "$3" -n "$namespace" -o 'jsonpath={.metadata.uid}') || return 1
  kubectl --kubeconfig="$1" create token "$2" -n "$namespace" --duration=600s --bound-object-kind=Pod --bound-object-name="$3" \
    --bound-object-uid="$uid" "${@:4}"
}

ca() {
  kubectl --kubeconfig="$dir/nodes/$1.kubeconfig" get configmap plimsoll-controller-ca -n "$namespace" -o 'jsonpath={.data.ca\.crt}'
}

renew() {
  local name complete=0
  for name in "${replicas[@]}"; do
    keep "$dir/$name/token" token "$KUBECONFIG" plimsoll-controller "plimsoll-$name" || complete=1
  done
  for name in "${nodes[@]}"; do
    keep "$dir/$name/token" token "$dir/nodes/$name.kubeconfig" plimsoll-agent "plimsoll-agent-$name" --audience=plimsoll.dev/controller || complete=1
    keep "$dir/$name/ca.crt" ca "$name" || complete=1
  done
  return "$complete"
}

while true; do
  # The controllers publish the CA a moment after their start, so the first rounds come quickly.
  if renew; then sleep 200; else sleep 1; fi
done
