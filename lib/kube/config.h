#pragma once

#include <string>

#include "base/result.h"
#include "kube/transport/transport.h"

namespace plimsoll::kube {

// Where the API server is and with what credentials it is spoken to.
struct ClusterConfig {
  transport::TransportOptions transport;
  std::string
      namespace_name;  // the Pod's own, or the context's; "default" when the context names none
};

// What a Pod is told about its API server.
struct InClusterSources {
  std::string host;  // KUBERNETES_SERVICE_HOST
  std::string port;  // KUBERNETES_SERVICE_PORT
  std::string directory = "/var/run/secrets/kubernetes.io/serviceaccount";

  static InClusterSources FromEnvironment();

  // Whether the process runs in a Pod at all.
  bool Present() const { return !host.empty() && !port.empty(); }
};

// The token file is read for every request; the CA file once. An IPv6 address as host is replaced
// by kubernetes.default.svc, which every API server's certificate names, since the HTTP library
// cannot connect to an IPv6 literal.
Result<ClusterConfig> InClusterConfig(const InClusterSources& sources);

// A kubeconfig file (client-go's v1 Config), its current context or `context` when that is not
// empty.
//
// Refused with a message that names the line or field: exec plugins, auth providers and passwords
// (no way to get credentials but certificate, token and tokenFile), insecure-skip-tls-verify, an
// http:// server, duplicate keys, aliases, files over 1 MiB. Relative paths are relative to the
// file's folder.
Result<ClusterConfig> LoadKubeconfig(const std::string& path, const std::string& context = {});

}  // namespace plimsoll::kube
