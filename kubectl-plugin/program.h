#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kube/transport/transport.h"

// kubectl-plimsoll, the kubectl plugin: judges and explains, with the same library that the
// controller appraises with. The commands on files need no cluster; those in cluster/ speak with
// the API server alone, with the rights of whoever runs them.
namespace plimsoll::plugin {

// Which API server, and as whom: the flags that kubectl itself has for it.
struct ConnectionOptions {
  std::string kubeconfig;  // empty: KUBECONFIG, then ~/.kube/config, then a Pod's own credentials
  std::string context;     // empty: the current one
  std::string as_user;     // impersonation; empty: as the kubeconfig says
  std::string as_group;
  std::string namespace_name = "plimsoll-system";  // of the release
  int timeout_seconds = 30;                        // of one request
};

using Connector =
    std::function<Result<std::unique_ptr<transport::Transport>>(const ConnectionOptions&)>;

// What a command may touch beside the files it is given.
struct Surroundings {
  std::istream& in;  // for a file called "-"
  std::ostream& out;
  std::ostream& err;
  const Clock& clock;
  Connector connect = {};  // empty: by the user's kubeconfig
};

// What a command says by its exit code. Commands with a yes-or-no answer use the first two.
enum ExitCode : int {
  kExitTrusted = 0,    // or: done, accepted
  kExitUntrusted = 1,  // or: refused, something bad was found
  kExitUnknown = 2,
  kExitUnusable = 3,     // a file or object that cannot be used, or wrong usage
  kExitUnreachable = 4,  // the cluster cannot be reached, or forbids it
};

// Reads the command line and runs one command. Never throws.
int Run(int argc, const char* const* argv, const Surroundings& surroundings);

}  // namespace plimsoll::plugin
