#!/usr/bin/env bash
# A real Kubernetes control plane (etcd and kube-apiserver) as processes of this machine, for the cluster tests and the demo.
#
#   control-plane.sh up DIR [--owner PID] [NODE...]   start it; DIR then holds kubeconfig, nodes/NODE.kubeconfig, bin/ (kubectl, helm), log/
#   control-plane.sh node DIR NODE...                 credentials of more nodes
#   control-plane.sh stop-apiserver DIR               kill the API server, keep etcd
#   control-plane.sh start-apiserver DIR              start it again, on the port it had
#   control-plane.sh restart-apiserver DIR            both
#   control-plane.sh down DIR                         kill what was started in DIR; the folder stays
#
# RBAC, the Node authorizer and NodeRestriction are on. Everything listens on 127.0.0.1 and lives in DIR; nothing else on the machine changes.
# With --owner all of it ends when that process does, however it ends, and DIR is removed (PLIMSOLL_KEEP_CLUSTER_LOGS=1 keeps it). There is no controller manager and no scheduler: ServiceAccounts, Pods and
# Nodes are what a test creates, and nothing but the API server touches them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*" >&2; }
die() {
  say "control-plane.sh: $*"
  exit 1
}

# shellcheck source=tests/cluster/processes.sh
source "$here/processes.sh"

# --- keys and credentials --------------------------------------------------------------------------------------------------------------

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null; }

authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -subj "/CN=$2" -days 3650 -out "$1.crt" -addext basicConstraints=critical,CA:true \
    -addext keyUsage=critical,digitalSignature,keyCertSign,cRLSign
}

# leaf NAME SUBJECT AUTHORITY USAGE [ALTERNATIVE NAMES]
leaf() {
  key "$1"
  {
    printf 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=%s\n' "$4"
    if [ -n "${5:-}" ]; then printf 'subjectAltName=%s\n' "$5"; fi
  } >"$1.ext"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days 3650 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

make_keys() {
  [ -f "$dir/pki/complete" ] && return
  mkdir -p "$dir/pki/nodes"
  (
    cd "$dir/pki"
    umask 077
    authority ca kubernetes-ca
    authority front-proxy-ca front-proxy-ca
    leaf apiserver /CN=kube-apiserver ca serverAuth \
      IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
    leaf kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client ca clientAuth
    leaf front-proxy /CN=front-proxy-client front-proxy-ca clientAuth
    leaf admin /O=system:masters/CN=admin ca clientAuth
    openssl genrsa -out service-account.key 2048 2>/dev/null
    openssl rsa -in service-account.key -pubout -out service-account.pub 2>/dev/null
    touch complete
  )
}

# kubeconfig NAME CREDENTIAL FILE: self-contained, so that it can be copied anywhere on this machine.
kubeconfig() {
  umask 077
  cat >"$3" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: plimsoll-test
  cluster:
    server: https://127.0.0.1:$(cat "$dir/port")
    certificate-authority-data: $(base64 -w0 "$dir/pki/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$2.crt")
    client-key-data: $(base64 -w0 "$2.key")
contexts:
- name: plimsoll-test
  context:
    cluster: plimsoll-test
    user: $1
current-context: plimsoll-test
YAML
}

node() {
  local name
  mkdir -p "$dir/nodes"
  for name in "$@"; do
    [[ "$name" =~ ^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$ ]] || die "not a node name: $name"
    if [ ! -f "$dir/pki/nodes/$name.crt" ]; then
      (cd "$dir/pki" && umask 077 && leaf "nodes/$name" "/O=system:nodes/CN=system:node:$name" ca clientAuth)
    fi
    kubeconfig "system:node:$name" "$dir/pki/nodes/$name" "$dir/nodes/$name.kubeconfig"
  done
}

# --- the two servers -------------------------------------------------------------------------------------------------------------------

start_etcd() {
  local client peer
  for _ in 1 2 3 4 5; do
    client=$(free_port)
    peer=$(free_port)
    # No fsync: a test's data need not survive the machine, only the processes.
    launch etcd "$dir/bin/etcd" --name plimsoll --data-dir "$dir/etcd" --log-level warn --unsafe-no-fsync \
      --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
      --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
      --initial-cluster "plimsoll=http://127.0.0.1:$peer"
    if await etcd 60 curl -sf "http://127.0.0.1:$client/health"; then
      printf '%s\n' "$client" >"$dir/etcd-port"
      return
    fi
    grep -q 'address already in use' "$dir/log/etcd.log" || break
  done
  explain etcd
  end etcd
  exit 1
}

# apiserver PORT: 0 when it answers /readyz.
apiserver() {
  local pki=$dir/pki
  launch apiserver "$dir/bin/kube-apiserver" \
    --etcd-servers="http://127.0.0.1:$(cat "$dir/etcd-port")" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$1" \
    --endpoint-reconciler-type=none --service-cluster-ip-range=10.96.0.0/16 --allow-privileged=true --cert-dir="$dir/pki" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-account.pub" --service-account-signing-key-file="$pki/service-account.key" \
    --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
  await apiserver 120 curl -sf --cacert "$pki/ca.crt" "https://127.0.0.1:$1/readyz"
}

start_apiserver() {
  alive etcd || die "etcd of $dir is not running: start the control plane with 'up'"
  alive apiserver && return
  for _ in 1 2 3 4 5; do
    if apiserver "$(cat "$dir/port")"; then return; fi
    # On a first start any port will do; later ones must find the old one free again.
    if ! grep -q 'address already in use' "$dir/log/apiserver.log" || [ -f "$dir/kubeconfig" ]; then break; fi
    free_port >"$dir/port"
  done
  explain apiserver
  end apiserver
  exit 1
}

up() {
  local owner="" tools program
  if [ "${1:-}" = --owner ]; then
    owner=$2
    shift 2
  fi
  for program in openssl curl setsid base64; do
    command -v "$program" >/dev/null || die "$program is not installed (Debian: apt-get install openssl curl util-linux coreutils)"
  done
  mkdir -p "$dir/log" "$dir/run"
  if alive apiserver; then die "a control plane is running in $dir: stop it with '$0 down $dir'"; fi
  tools=$("$here/tools/build.sh")
  ln -sfn "$tools" "$dir/bin"
  make_keys
  if [ -n "$owner" ]; then
    # tail ends with the owner; the rest runs in a session of its own.
    # shellcheck disable=SC2016
    setsid nohup bash -c 'tail --pid="$1" -f /dev/null; "$2" down "$3"; [ -n "${PLIMSOLL_KEEP_CLUSTER_LOGS:-}" ] || rm -rf "$3"' watch "$owner" "$here/$(basename "$0")" "$dir" >/dev/null 2>&1 </dev/null &
  fi
  alive etcd || start_etcd
  [ -f "$dir/port" ] || free_port >"$dir/port"
  start_apiserver
  kubeconfig admin "$dir/pki/admin" "$dir/kubeconfig"
  node "$@"
}

usage() {
  sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

[ $# -ge 2 ] || usage
command=$1
dir=$(realpath -m -- "$2")
shift 2
case $command in
  up) up "$@" ;;
  node) node "$@" ;;
  stop-apiserver) end apiserver ;;
  start-apiserver) start_apiserver ;;
  restart-apiserver)
    end apiserver
    start_apiserver
    ;;
  down)
    end apiserver
    end etcd
    ;;
  *) usage ;;
esac
