#!/usr/bin/env bash
# Builds the programs of the test cluster (etcd, kube-apiserver, kubectl, helm) from pinned Go modules and prints the folder that holds them.
#
# They are kept outside the tree, in ${XDG_CACHE_HOME:-~/.cache}/plimsoll/cluster-tools/<hash of the pins>, so that a clean clone finds them again.
# Where KUBEBUILDER_ASSETS names a folder with etcd, kube-apiserver and kubectl, those are used, and only helm is built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubernetes_version=v1.36.3
pins=$(cat "$here/go.sum" "$here/helm/go.sum" "$here/build.sh" | sha256sum | cut -c1-16)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll/cluster-tools/$pins

say() { printf '%s\n' "$*" >&2; }

if ! command -v go >/dev/null; then
  say "go is not installed: the test cluster's programs are built from Go modules. Install Go 1.26 or newer (https://go.dev/dl), or set KUBEBUILDER_ASSETS and put helm into the PATH."
  exit 1
fi

# build NAME MODULE_DIR PACKAGE LDFLAGS: one program, written under a temporary name first so that an interrupted build leaves nothing half done.
build() {
  local name=$1 directory=$2 package=$3 flags=$4 begin
  [ -x "$bin/$name" ] && return 0
  begin=$(date +%s)
  say "building $name (once; kept in $bin) ..."
  (cd "$directory" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $flags" -o "$bin/.$name.$$" "$package") >&2
  mv "$bin/.$name.$$" "$bin/$name"
  say "built $name in $(($(date +%s) - begin)) s"
}

mkdir -p "$bin"
version="-X k8s.io/component-base/version.gitVersion=$kubernetes_version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
version="$version -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes_version"
assets=${KUBEBUILDER_ASSETS:-}
for program in etcd kube-apiserver kubectl; do
  if [ -n "$assets" ] && [ -x "$assets/$program" ]; then
    ln -sf "$assets/$program" "$bin/$program"
    continue
  fi
  case $program in
    etcd) build etcd "$here" go.etcd.io/etcd/server/v3 "" ;;
    *) build "$program" "$here" "k8s.io/kubernetes/cmd/$program" "$version" ;;
  esac
done
build helm "$here/helm" helm.sh/helm/v4/cmd/helm ""
printf '%s\n' "$bin"
