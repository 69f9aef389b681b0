#include "kubectl-plugin/cluster/connection.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "kube/config.h"
#include "kubectl-plugin/files.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::json;

constexpr JsonLimits kPageLimits{.max_bytes = size_t{64} << 20, .max_depth = 96};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// Adds the headers of impersonation, and asks a program for another credential when the API server
// does not take the one that it gave.
class UserTransport final : public transport::Transport {
 public:
  UserTransport(std::unique_ptr<transport::Transport> inner, transport::Headers headers,
                std::function<void()> forget_credential)
      : inner_(std::move(inner)),
        headers_(std::move(headers)),
        forget_credential_(std::move(forget_credential)) {}

  Result<transport::HttpResponse> Send(const transport::HttpRequest& request,
                                       std::stop_token stop) override {
    const transport::HttpRequest complete = Complete(request);
    auto response = inner_->Send(complete, stop);
    if (response && response->status == 401 && forget_credential_) {
      forget_credential_();
      return inner_->Send(complete, stop);
    }
    return response;
  }
  Result<transport::StreamResponse> OpenStream(const transport::HttpRequest& request,
                                               std::stop_token stop) override {
    return inner_->OpenStream(Complete(request), stop);
  }

 private:
  transport::HttpRequest Complete(transport::HttpRequest request) const {
    request.headers.insert(request.headers.end(), headers_.begin(), headers_.end());
    return request;
  }

  const std::unique_ptr<transport::Transport> inner_;
  const transport::Headers headers_;
  const std::function<void()> forget_credential_;
};

Result<kube::ClusterConfig> FindCluster(const ConnectionOptions& options, const Clock& clock) {
  const std::vector<std::string> paths =
      kube::KubeconfigPaths(options.kubeconfig, Environment("KUBECONFIG"), Environment("HOME"));
  const kube::InClusterSources pod = kube::InClusterSources::FromEnvironment();
  if (paths.empty() && options.context.empty() && pod.Present()) {
    return kube::InClusterConfig(pod);
  }
  if (paths.empty()) {
    return Fail(ErrorCode::kNotFound,
                "there is no kubeconfig: give --kubeconfig, or set KUBECONFIG");
  }
  return kube::LoadUserKubeconfig({.paths = paths, .context = options.context}, clock);
}

Result<std::unique_ptr<transport::Transport>> ConnectByKubeconfig(const ConnectionOptions& options,
                                                                  const Clock& clock) {
  PLIMSOLL_ASSIGN_OR_RETURN(kube::ClusterConfig config, FindCluster(options, clock));
  config.transport.user_agent = "kubectl-plimsoll/" PLIMSOLL_VERSION;
  const std::string user = options.as_user.empty() ? config.as_user : options.as_user;
  const std::string group = options.as_user.empty() ? config.as_group : options.as_group;
  transport::Headers headers;
  if (!user.empty()) {
    headers.emplace_back("Impersonate-User", user);
  }
  if (!group.empty()) {
    headers.emplace_back("Impersonate-Group", group);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(auto made, transport::MakeTransport(std::move(config.transport)));
  return std::make_unique<UserTransport>(std::move(made), std::move(headers),
                                         std::move(config.forget_credential));
}

}  // namespace

Result<Connection> Connection::Open(const ConnectionOptions& options,
                                    const Surroundings& surroundings) {
  Connection connection;
  if (options.as_user.empty() && !options.as_group.empty()) {
    return Fail(ErrorCode::kMalformed, "--as-group needs --as");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(connection.transport_,
                            surroundings.connect
                                ? surroundings.connect(options)
                                : ConnectByKubeconfig(options, surroundings.clock));
  connection.timeout_ = std::chrono::seconds(options.timeout_seconds);
  connection.client_ = std::make_unique<kube::Client>(
      kube::Client(*connection.transport_, surroundings.clock).WithTimeout(connection.timeout_));
  return connection;
}

Status Connection::ForEach(const kube::ResourceRef& collection, const kube::ListOptions& options,
                           const std::function<void(std::string_view)>& item) {
  kube::ListOptions page = options;
  // Stored boot facts are up to 64 KiB a node.
  page.limit = 250;
  do {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, client_->List(collection, page));
    PLIMSOLL_ASSIGN_OR_RETURN(const json list, ParseJson(text, kPageLimits));
    const auto items = list.find("items");
    if (items == list.end() || !items->is_array()) {
      return Fail(ErrorCode::kMalformed, "the API server's answer is no list");
    }
    for (json object : *items) {
      // Objects in a list do not say what they are.
      object["apiVersion"] = kube::ApiVersion(collection.kind);
      object["kind"] = collection.kind.kind;
      item(object.dump(-1, ' ', false, json::error_handler_t::replace));
    }
    const json::json_pointer token("/metadata/continue");
    const json next = list.contains(token) ? list[token] : json("");
    page.continue_token = next.is_string() ? next.get<std::string>() : "";
  } while (!page.continue_token.empty());
  return {};
}

std::string UnreadableObject(const kube::ResourceKind& kind, std::string_view json_text,
                             const Error& error) {
  const auto meta = kube::ParseObjectMeta(json_text);
  return fmt::format("{} {} cannot be read: {}", kind.kind, meta ? meta->name : "without a name",
                     error.message);
}

int Failed(const Error& error, const Surroundings& surroundings) {
  surroundings.err << "kubectl plimsoll: " << Shown(error.message) << "\n";
  if (error.code == ErrorCode::kDenied && error.retry == Retry::kRefreshCredentials) {
    surroundings.err << "The API server does not know you: look at the user of the kubeconfig.\n";
    return kExitUnreachable;
  }
  const bool missing_kind =
      error.code == ErrorCode::kNotFound &&
      error.message.find("could not find the requested resource") != std::string::npos;
  if (missing_kind) {
    surroundings.err << "Is Plimsoll installed there? Its CustomResourceDefinitions are not.\n";
    return kExitUnreachable;
  }
  // A rejected object is 422; what RBAC or an admission policy forbids is 403.
  const bool forbidden =
      error.code == ErrorCode::kDenied && error.message.find("HTTP 422") == std::string::npos;
  const bool unreachable =
      error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
  return forbidden || unreachable ? kExitUnreachable : kExitUnusable;
}

}  // namespace plimsoll::plugin
