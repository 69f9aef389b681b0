#!/usr/bin/env bash
# YAML is well-formed and in one style, the chart's CRDs are those of crds/, and the chart renders to well-formed YAML.
# helm is taken from the PATH or from the folder that tests/cluster/tools/build.sh fills; without it rendering is left out, and said so.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

command -v yamllint >/dev/null || {
  echo "yamllint is not installed (Debian: apt-get install yamllint)" >&2
  exit 1
}
yamllint --strict -c tests/lint/yamllint.yaml crds charts/plimsoll/Chart.yaml charts/plimsoll/values.yaml tests/lint/yamllint.yaml
charts/sync-crds.sh --check

helm=$(command -v helm || find "${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll/cluster-tools" -mindepth 2 -maxdepth 2 -name helm 2>/dev/null | head -n 1 || true)
if [ -z "$helm" ]; then
  echo "helm is not there (tests/cluster/tools/build.sh builds it): the chart was not rendered" >&2
  exit 0
fi
"$helm" lint --quiet --strict charts/plimsoll
# Rendered lists are indented by toYaml, and messages are as long as they are.
"$helm" template plimsoll charts/plimsoll --namespace plimsoll-system |
  yamllint --strict -d '{extends: default, rules: {line-length: disable, indentation: disable, braces: disable, comments: disable, truthy: disable}}' -
