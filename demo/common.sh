# shellcheck shell=bash disable=SC2034
# What the scripts of the demo share: its folder, its cluster, how it speaks.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$root/build/demo
nodes=(worker-1 worker-2 worker-3)
replicas=(controller-1 controller-2)
namespace=plimsoll-system
label=plimsoll.dev.node-restriction.kubernetes.io/trusted
export KUBECONFIG=$dir/kubeconfig
control_plane=$root/tests/cluster/control-plane.sh
machine=$root/tests/swtpm/machine.sh

# shellcheck source=tests/cluster/processes.sh
source "$root/tests/cluster/processes.sh"

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold="" plain=""; fi

# step TEXT: what is done now, with the seconds since the start.
step() { printf '\n%s[%3d s] %s%s\n' "$bold" "$SECONDS" "$*" "$plain"; }

say() { printf '        %s\n' "$*"; }

die() {
  printf '\ndemo: %s\n' "$*" >&2
  exit 1
}

kubectl() { "$dir/bin/kubectl" --cache-dir="$dir/kubectl-cache" "$@"; }

# show COMMAND LINE: the line as one would type it in the root of the tree, and what it prints. It may fail: that, too, is shown.
show() {
  printf '\n        %s$ %s%s\n' "$bold" "$1" "$plain"
  (cd "$root" && PATH="$dir/bin:$PATH" bash -c "$1") 2>&1 | sed 's/^/        /' || true
}

# wait_for SECONDS WHAT COMMAND...: polls until the command succeeds; ends the demo with a hint when it never does.
wait_for() {
  local limit=$1 what=$2 deadline=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || die "$what did not come in $limit s. The logs are in build/demo/log; 'make demo-stop' clears up."
    sleep 0.2
  done
}

# verdict NODE: the trust label of the Node.
verdict() { kubectl get node "$1" -o "jsonpath={.metadata.labels.${label//./\\.}}"; }

has_verdict() { [ "$(verdict "$1")" = "$2" ]; }

address_of() { printf '127.0.0.1:%s' "$(cat "$dir/$1/metrics-port")"; }

metrics_of() { curl -sf "http://$(address_of "$1")/metrics"; }

# Not grep -q, which leaves before the end, so that whoever writes to it dies of a broken pipe.
leads() { metrics_of "$1" | grep '^plimsoll_controller_leader 1$' >/dev/null; }
