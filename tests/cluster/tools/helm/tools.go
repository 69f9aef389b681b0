//go:build tools

// Package helm pins the helm that installs the chart in tests; a module of its own, as it needs other Kubernetes libraries than the cluster does.
package helm

import _ "helm.sh/helm/v4/cmd/helm"
