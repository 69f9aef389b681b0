#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/client.h"
#include "kubectl-plugin/program.h"

// The commands of kubectl-plimsoll that read or change a cluster. Everything goes through the API
// server with the rights of whoever runs the command; nothing is kept on the machine.
namespace plimsoll::plugin {

// The API server, as the user's kubeconfig has it. Move-only.
class Connection {
 public:
  static Result<Connection> Open(const ConnectionOptions& options,
                                 const Surroundings& surroundings);

  kube::Client& client() { return *client_; }
  transport::Transport& transport() { return *transport_; }
  std::chrono::milliseconds timeout() const { return timeout_; }

  // Calls `item` with each object of a collection, as JSON text, page by page.
  Status ForEach(const kube::ResourceRef& collection, const kube::ListOptions& options,
                 const std::function<void(std::string_view)>& item);

  // All objects of a kind that T::Parse reads. One that cannot be read becomes a line of `problems`
  // ("NodeAttestation worker-1 cannot be read: ...") and is left out.
  template <class T, class Parse>
  Result<std::vector<T>> ReadAll(const kube::ResourceKind& kind, Parse parse,
                                 std::vector<std::string>& problems,
                                 const kube::ListOptions& options = {});

 private:
  Connection() = default;

  std::unique_ptr<transport::Transport> transport_;
  std::unique_ptr<kube::Client> client_;
  std::chrono::milliseconds timeout_{30'000};
};

// "NodeAttestation worker-1 cannot be read: ...": for an object that is left out.
std::string UnreadableObject(const kube::ResourceKind& kind, std::string_view json,
                             const Error& error);

// Says on standard error why a command ends, with what may help, and gives the exit code:
// kExitUnreachable when the cluster cannot be reached or forbids it, else kExitUnusable.
int Failed(const Error& error, const Surroundings& surroundings);

template <class T, class Parse>
Result<std::vector<T>> Connection::ReadAll(const kube::ResourceKind& kind, Parse parse,
                                           std::vector<std::string>& problems,
                                           const kube::ListOptions& options) {
  std::vector<T> all;
  PLIMSOLL_RETURN_IF_ERROR(ForEach({kind, ""}, options, [&](std::string_view json) {
    Result<T> object = parse(json);
    if (object) {
      all.push_back(*std::move(object));
    } else {
      problems.push_back(UnreadableObject(kind, json, object.error()));
    }
  }));
  return all;
}

}  // namespace plimsoll::plugin
