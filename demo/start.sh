#!/usr/bin/env bash
# Plimsoll at work on this machine: a real API server, three nodes with a software TPM each, two controller replicas.
#
#   demo/start.sh BIN        BIN is the folder that holds plimsoll-agent and plimsoll-controller
#
# Everything runs as ordinary processes, lives in build/demo, listens on 127.0.0.1 and goes on after the script: demo/stop.sh ends it. A demo that is
# still running is ended first. The programs get what pods would get: tokens of their own ServiceAccounts, the roles of the chart and nothing more.
set -euo pipefail
# shellcheck source=demo/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

interval=10

check() {
  local program
  for program in plimsoll-agent plimsoll-controller; do
    [ -x "$bin/$program" ] || die "$bin/$program is not there: build first ('make')"
  done
  for program in swtpm swtpm_setup swtpm_localca curl openssl flock setsid; do
    command -v "$program" >/dev/null || die "$program is not installed (Debian: apt-get install swtpm swtpm-tools curl openssl util-linux)"
  done
}

start_cluster() {
  step "Starting etcd and kube-apiserver (RBAC, Node authorizer, NodeRestriction)"
  "$control_plane" up "$dir" "${nodes[@]}"
  say "$(kubectl version 2>/dev/null | grep Server), $(grep -o 'https://[^ ]*' "$dir/kubeconfig")"

  step "Installing the chart: CRDs, roles, admission policies"
  HELM_CACHE_HOME=$dir/helm HELM_CONFIG_HOME=$dir/helm HELM_DATA_HOME=$dir/helm "$dir/bin/helm" upgrade --install plimsoll "$root/charts/plimsoll" \
    --namespace "$namespace" --create-namespace --set controller.defaultIntervalSeconds=$interval >"$dir/log/helm.log" 2>&1 ||
    die "helm failed: $(tail -n 5 "$dir/log/helm.log")"
  kubectl wait --for=condition=Established --timeout=30s crd/attestationpolicies.plimsoll.dev crd/endorsementauthorities.plimsoll.dev \
    crd/tpmidentities.plimsoll.dev crd/nodeattestations.plimsoll.dev >/dev/null
}

# A Node registers itself with its own credential and a startup taint, so that nothing is scheduled on it before it is trusted.
register() {
  local kubelet=$dir/nodes/$1.kubeconfig boot_id machine_id
  boot_id=$(cat /proc/sys/kernel/random/boot_id)
  machine_id=$(printf '%s' "$1" | sha256sum | cut -c1-32)
  kubectl --kubeconfig="$kubelet" create -f - >/dev/null <<YAML
apiVersion: v1
kind: Node
metadata:
  name: $1
  labels: {kubernetes.io/hostname: $1, kubernetes.io/os: linux}
spec:
  taints:
  - {key: plimsoll.dev/untrusted, value: Pending, effect: NoSchedule}
YAML
  kubectl --kubeconfig="$kubelet" apply --server-side --subresource=status --field-manager=kubelet -f - >/dev/null <<YAML
apiVersion: v1
kind: Node
metadata: {name: $1}
status:
  conditions:
  - {type: Ready, status: "True", reason: KubeletReady, message: played by the demo}
  nodeInfo:
    bootID: $boot_id
    machineID: "$machine_id"
    systemUUID: "$machine_id"
    architecture: amd64
    operatingSystem: linux
    osImage: "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
    kernelVersion: "$(uname -r)"
    containerRuntimeVersion: none
    kubeletVersion: v1.36.3
    kubeProxyVersion: v1.36.3
YAML
  # The API server puts it on new Nodes; a controller manager takes it away when they are ready.
  kubectl taint node "$1" node.kubernetes.io/not-ready- >/dev/null
}

# pod NAME TEMPLATE [NODE]: the pod that a controller manager would make of a workload's template.
pod() {
  local spec
  spec=$(kubectl get -n "$namespace" "$2" -o 'jsonpath={.spec.template.spec}')
  printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","namespace":"%s","labels":%s},"spec":{%s%s}' "$1" "$namespace" \
    "$(kubectl get -n "$namespace" "$2" -o 'jsonpath={.spec.template.metadata.labels}')" "${3:+\"nodeName\":\"$3\",}" "${spec#\{}" |
    kubectl create -f - >/dev/null
}

start_machines() {
  local name boots=()
  step "Registering ${nodes[*]}, and booting their TPMs (swtpm) with the measurements of a recorded boot"
  # One after the other: TPMs that were made in the same instant have the same clock, and look like one TPM in two machines.
  for name in "${nodes[@]}"; do
    register "$name"
    pod "plimsoll-agent-$name" daemonset/plimsoll-agent "$name"
    mkdir -p "$dir/$name"
    "$machine" up "$dir/machines/$name" --ca "$dir/machines/ca" >"$dir/$name/tcti"
    say "$name: TPM at $(cat "$dir/$name/tcti"), $(grep -vc '^#' "$root/tests/data/boot-logs/rhel8-shielded-vm.digests") measurements"
  done
  for name in "${nodes[@]}"; do
    "$root/demo/boot.sh" "$name" &
    boots+=($!)
  done
  for name in "${boots[@]}"; do wait "$name"; done
}

# launch_controller NAME: on the ports that its folder names.
launch_controller() {
  launch "$1" "$bin/plimsoll-controller" --kubeconfig="$dir/$1/kubeconfig" --identity="$1" \
    --listen="127.0.0.1:$(cat "$dir/$1/port")" --metrics-listen="127.0.0.1:$(cat "$dir/$1/metrics-port")" \
    --namespace="$namespace" --service-name=plimsoll-controller --agent-service-account="$namespace:plimsoll-agent" \
    --label-key="$label" --taint-key=plimsoll.dev/untrusted --unmatched-nodes=Release --status-refresh-seconds=$interval \
    --default-interval-seconds=$interval --log-level=info --log-format=json
  await "$1" 20 curl -sf "http://127.0.0.1:$(cat "$dir/$1/metrics-port")/readyz"
}

launch_agent() {
  local name addresses=()
  for name in "${replicas[@]}"; do addresses+=("--controller=127.0.0.1:$(cat "$dir/$name/port")"); done
  launch "$1" "$bin/plimsoll-agent" "${addresses[@]}" --controller-name="plimsoll-controller.$namespace.svc" \
    --ca-file="$dir/$1/ca.crt" --token-file="$dir/$1/token" --tcti="$(cat "$dir/$1/tcti")" --key-profile=auto \
    --metrics-listen="127.0.0.1:$(cat "$dir/$1/metrics-port")" --log-level=info --log-format=json
  await "$1" 20 curl -sf "http://127.0.0.1:$(cat "$dir/$1/metrics-port")/livez"
}

# start_on_free_ports LAUNCH NAME: a port that was free a moment ago may be taken now; then another one is.
start_on_free_ports() {
  for _ in 1 2 3 4 5; do
    free_port >"$dir/$2/port"
    free_port >"$dir/$2/metrics-port"
    if "$1" "$2"; then return; fi
    grep -qi 'in use' "$dir/log/$2.log" || break
    end "$2"
  done
  explain "$2"
  die "$2 does not start"
}

start_programs() {
  local name
  step "Starting two controllers and three agents with tokens of their own ServiceAccounts"
  for name in "${replicas[@]}"; do
    pod "plimsoll-$name" deployment/plimsoll-controller
    mkdir -p "$dir/$name"
    cat >"$dir/$name/kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: demo
  cluster:
    server: $(grep -o 'https://[^ ]*' "$dir/kubeconfig")
    certificate-authority: $dir/pki/ca.crt
users:
- name: plimsoll-controller
  user:
    tokenFile: $dir/$name/token
contexts:
- name: demo
  context: {cluster: demo, user: plimsoll-controller, namespace: $namespace}
current-context: demo
YAML
  done
  launch kubelet "$root/demo/kubelet.sh" "$dir"
  for name in "${replicas[@]}"; do wait_for 20 "the token of $name" test -s "$dir/$name/token"; done
  for name in "${replicas[@]}"; do start_on_free_ports launch_controller "$name"; done
  for name in "${nodes[@]}"; do
    wait_for 30 "the token and the CA of $name" test -s "$dir/$name/token" -a -s "$dir/$name/ca.crt"
    start_on_free_ports launch_agent "$name"
  done
  for name in "${nodes[@]}"; do
    wait_for 60 "the first quote of $name" has_quote "$name"
  done
}

has_quote() { [ -n "$(kubectl get nodeattestation "$1" -o 'jsonpath={.status.pcrs[0].digest}')" ]; }

# The policy is what worker-1 looks like now: its boot PCRs are the reference for all.
write_policy() {
  {
    printf 'apiVersion: plimsoll.dev/v1alpha1\nkind: EndorsementAuthority\nmetadata:\n  name: swtpm\nspec:\n  bundles:\n  - inline: |\n'
    sed 's/^/      /' "$dir/machines/worker-1/ca.pem"
  } >"$dir/authority.yaml"
  {
    cat <<YAML
apiVersion: plimsoll.dev/v1alpha1
kind: AttestationPolicy
metadata:
  name: measured-boot
spec:
  mode: Enforce
  nodeSelector: {}
  identity:
    admission: EndorsementCertificate
    endorsementAuthorityRefs: [swtpm]
  freshness: {intervalSeconds: $interval, expireSeconds: $((interval * 3))}
  pcrs:
YAML
    kubectl get nodeattestation worker-1 -o 'jsonpath={range .status.pcrs[?(@.bank=="sha256")]}{.index} {.digest}{"\n"}{end}' |
      awk '$1 <= 9 || $1 == 14 {printf "  - {bank: sha256, index: %s, match: Reference, anyOf: [%s]}\n", $1, $2}'
  } >"$dir/policy.yaml"
}

# counts PASSING FAILING: whether the policy's status says so.
counts() { [ "$(kubectl get attestationpolicy measured-boot -o 'jsonpath={.status.passingNodes} {.status.failingNodes}')" = "$1 $2" ]; }

enforce() {
  local name
  step "The TPMs that were found; nobody has approved one, and no policy is there yet"
  show "kubectl get tpmidentities"
  show "kubectl get nodeattestations"

  step "Trusting the CA of the TPMs' certificates, and enforcing what worker-1 has measured"
  write_policy
  show "cat build/demo/policy.yaml"
  show "kubectl apply -f build/demo/authority.yaml -f build/demo/policy.yaml"
  for name in "${nodes[@]}"; do wait_for 60 "the trust of $name" has_verdict "$name" true; done
  wait_for 20 "the policy's status" counts 3 0
  step "All nodes have proven themselves"
  show "kubectl get nodes -L $label"
  show "kubectl get attestationpolicies"
  show "kubectl get tpmidentities"
}

tainted() { kubectl get node "$1" -o 'jsonpath={.spec.taints[*].key}' | grep plimsoll.dev/untrusted >/dev/null; }

told() { kubectl get events -A -o 'jsonpath={.items[*].reason}' | grep "$1" >/dev/null; }

counted() { metrics_of "$1" | grep '^plimsoll_nodes{verdict="untrusted"} 1$' >/dev/null; }

tamper() {
  local begin leader
  step "worker-2 loads another boot loader: its PCR 4 is extended with a digest that the policy does not know"
  "$machine" extend "$dir/machines/worker-2" 4 "sha1:$(printf 'evil boot loader' | sha1sum | cut -d' ' -f1)" \
    "sha256:$(printf 'evil boot loader' | sha256sum | cut -d' ' -f1)" "sha384:$(printf 'evil boot loader' | sha384sum | cut -d' ' -f1)"
  begin=$SECONDS
  wait_for $((interval * 3)) "the distrust of worker-2" has_verdict worker-2 false
  step "Noticed after $((SECONDS - begin)) s (the interval is $interval s): label, taint, condition, event and metric"
  leader=$(leader)
  wait_for 10 "the taint of worker-2" tainted worker-2
  wait_for 10 "the event" told TaintApplied
  wait_for 10 "the metric" counted "$leader"
  wait_for 20 "the policy's status" counts 2 1
  show "kubectl get nodes -L $label"
  show "kubectl describe node worker-2 | grep -E 'Taints:|plimsoll.dev/Trusted'"
  show "kubectl get nodeattestations"
  show "kubectl get attestationpolicies"
  show "kubectl describe nodeattestation worker-2 | sed -n '/^Events:/,\$p'"
  show "curl -s http://$(address_of "$leader")/metrics | grep -E '^plimsoll_(nodes|node_policy_failing)[{]'"
  say ""
  say "worker-2 cannot talk itself out of it, not even with the credential of its kubelet:"
  show "kubectl --kubeconfig=build/demo/nodes/worker-2.kubeconfig label node worker-2 --overwrite $label=true"
}

# The replica that leads.
leader() {
  local name
  for name in "${replicas[@]}"; do
    if leads "$name"; then
      printf '%s\n' "$name"
      return
    fi
  done
  die "no replica says that it leads; see build/demo/log/controller-*.log"
}

# verified_after TIME NODE: whether a quote of the node was verified later than TIME (RFC 3339, UTC).
verified_after() { [[ "$(kubectl get nodeattestation "$2" -o 'jsonpath={.status.lastVerifiedTime}')" > "$1" ]]; }

kill_leader() {
  local name leader other begin killed
  leader=$(leader)
  for name in "${replicas[@]}"; do
    if [ "$name" != "$leader" ]; then other=$name; fi
  done
  step "Killing the leading replica ($leader)"
  show "kubectl get lease -n $namespace plimsoll-controller"
  show "kill -9 $(cat "$dir/run/$leader.pid")"
  end "$leader"
  begin=$SECONDS
  killed=$(date -u +%FT%TZ)
  for name in "${nodes[@]}"; do wait_for $((interval * 4)) "a new quote of $name" verified_after "$killed" "$name"; done
  step "$other has verified new quotes of all nodes, $((SECONDS - begin)) s after the kill; it waits for the lease to run out"
  show "kubectl get nodeattestations"
  wait_for 60 "the new leader" leads "$other"
  step "$other leads, $((SECONDS - begin)) s after the kill; the verdicts stand"
  show "kubectl get lease -n $namespace plimsoll-controller"
  show "kubectl get nodes -L $label"
  # As a Deployment would; on its old ports, where the agents look for it.
  launch_controller "$leader" || die "$leader did not come back: see build/demo/log/$leader.log"
}

finish() {
  step "Everything goes on running. To look around:"
  cat <<TEXT

        export KUBECONFIG=build/demo/kubeconfig PATH="\$PWD/build/demo/bin:\$PATH"
        kubectl get nodeattestations,tpmidentities,attestationpolicies
        kubectl describe nodeattestation worker-2
        kubectl explain attestationpolicy.spec --recursive
        demo/boot.sh worker-2          # reboot it with the right boot loader: it is trusted again
        tests/swtpm/machine.sh extend build/demo/machines/worker-3 9 sha256:\$(printf x | sha256sum | cut -d' ' -f1)
        ls build/demo/log              # what the programs say

        make demo-stop                 # end it
TEXT
}

[ $# -eq 1 ] || die "usage: demo/start.sh BIN"
bin=$(realpath -m -- "$1")
check
if [ -d "$dir" ]; then
  "$root/demo/stop.sh"
  rm -rf "$dir"
fi
mkdir -p "$dir/log" "$dir/run" "$dir/machines"
start_cluster
start_machines
start_programs
enforce
tamper
kill_leader
finish
