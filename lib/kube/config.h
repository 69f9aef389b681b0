#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kube/transport/transport.h"

namespace plimsoll::kube {

// Where the API server is and with what credentials it is spoken to.
struct ClusterConfig {
  transport::TransportOptions transport;
  std::string
      namespace_name;  // the Pod's own, or the context's; "default" when the context names none
  std::string as_user = {};   // whom the kubeconfig asks to impersonate; empty: nobody
  std::string as_group = {};  // with it; empty: the groups that the user has

  // Set where a program gave the credential: it is asked again before the next request. To be
  // called when the API server answered 401.
  std::function<void()> forget_credential = {};
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
// Refused with a message that names the line or field: exec plugins, impersonation, auth providers
// and passwords (no way to get credentials but certificate, token and tokenFile),
// insecure-skip-tls-verify, an http:// server, duplicate keys, aliases, files over 1 MiB. Relative
// paths are relative to the file's folder. For programs that serve; see LoadUserKubeconfig.
Result<ClusterConfig> LoadKubeconfig(const std::string& path, const std::string& context = {});

// The kubeconfig of a person at a machine of theirs.
struct UserKubeconfig {
  // As kubectl merges those of KUBECONFIG: the first file that has an entry of a name, or a current
  // context, wins. Paths in an entry are relative to the folder of its file.
  std::vector<std::string> paths;
  std::string context = {};  // empty: the current context
};

// The files that kubectl would read: `explicit_path` (--kubeconfig) alone; else those that
// `variable` (KUBECONFIG) lists, separated by colons, without the ones that are not there; else
// ~/.kube/config. Empty when there is none.
std::vector<std::string> KubeconfigPaths(const std::string& explicit_path,
                                         const std::string& variable, const std::string& home);

// As LoadKubeconfig, but `exec` runs its program (exec_credential.h), for a token at once and again
// when it expires, and `as` and one entry of `as-groups` are read. A cluster without a certificate
// authority is trusted by the system's. `clock` must outlive the config.
Result<ClusterConfig> LoadUserKubeconfig(const UserKubeconfig& request, const Clock& clock);

}  // namespace plimsoll::kube
