#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "api/json_fields.h"
#include "evidence/bundle.h"
#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/pod.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::json;
namespace fields = api::json_fields;

constexpr const char* kAudience = "plimsoll.dev/controller";
constexpr int kTokenSeconds = 600;  // the least that the API server gives

// A short-lived token of the auditor's ServiceAccount: who may make one may read evidence.
Result<std::string> AuditorToken(Connection& connection, const EvidenceOptions& options) {
  const json request = {
      {"apiVersion", "authentication.k8s.io/v1"},
      {"kind", "TokenRequest"},
      {"spec", {{"audiences", json::array({kAudience})}, {"expirationSeconds", kTokenSeconds}}}};
  transport::HttpRequest http;
  http.method = "POST";
  http.timeout = connection.timeout();
  http.path_and_query = kube::ResourcePath({{"", "v1", "ServiceAccount", "serviceaccounts", true},
                                            options.service_account,
                                            options.connection.namespace_name},
                                           "token");
  http.headers.emplace_back("Accept", "application/json");
  http.body = request.dump();
  PLIMSOLL_ASSIGN_OR_RETURN(const auto response, connection.transport().Send(http, {}));
  if (response.status != 201 && response.status != 200) {
    return Wrap("create a token of ServiceAccount " + options.service_account,
                kube::ErrorFromResponse(response));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json answer, fields::ParseObject(response.body));
  PLIMSOLL_ASSIGN_OR_RETURN(const json status, fields::Object(answer, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(std::string token, fields::String(status, "token"));
  if (token.empty()) {
    return Fail(ErrorCode::kMalformed, "the API server's answer holds no token");
  }
  return token;
}

// The bundle that this pod keeps; kNotFound when it has none.
Result<std::string> FetchFrom(Connection& connection, const EvidenceOptions& options,
                              const std::string& pod, const std::string& token) {
  transport::HttpRequest http;
  http.timeout = connection.timeout();
  http.path_and_query = kube::ResourcePath({kube::kPod, fmt::format("{}:{}", pod, options.port),
                                            options.connection.namespace_name},
                                           "proxy") +
                        "/evidence/" + options.node;
  http.headers.emplace_back("Accept", "application/json");
  http.headers.emplace_back("X-Plimsoll-Token", token);
  PLIMSOLL_ASSIGN_OR_RETURN(auto response, connection.transport().Send(http, {}));
  if (response.status == 200) {
    return std::move(response.body);
  }
  // A problem document of the controller, or a Status of the API server.
  std::string reason;
  if (const auto problem = fields::ParseObject(response.body)) {
    reason = fields::String(*problem, "reason").value_or("");
    if (reason == "EvidenceNotKept") {
      return Fail(ErrorCode::kNotFound, "no evidence kept");
    }
    const auto detail = fields::String(*problem, "detail");
    if (detail && !detail->empty()) {
      reason += ": " + *detail;
    }
  }
  Error error = kube::ErrorFromResponse(response);
  if (response.status == 404) {
    error.code = ErrorCode::kUnavailable;  // no such pod, port or route: says nothing of evidence
  }
  error.message += reason.empty() ? "" : " (" + reason + ")";
  return tl::unexpected(std::move(error));
}

Result<std::string> FetchFromAny(Connection& connection, const EvidenceOptions& options,
                                 const std::vector<Pod>& pods, const std::string& token) {
  std::optional<Error> failure;
  for (const Pod& pod : pods) {
    auto bundle = FetchFrom(connection, options, pod.meta.name, token);
    if (bundle) {
      return bundle;
    }
    if (bundle.error().code != ErrorCode::kNotFound) {
      failure = bundle.error();
      failure->message = fmt::format("controller {}: {}", pod.meta.name, failure->message);
    }
  }
  if (failure) {
    return tl::unexpected(*failure);
  }
  return Fail(
      ErrorCode::kNotFound,
      fmt::format("EvidenceNotKept: none of {} controllers keeps evidence of node {}. It is "
                  "kept in memory since the controller's start; kubectl plimsoll reattest "
                  "{} asks for new",
                  pods.size(), options.node, options.node));
}

}  // namespace

int FetchEvidence(const EvidenceOptions& options, const Surroundings& surroundings) {
  constexpr std::string_view kName =
      "abcdefghijklmnopqrstuvwxyz0123456789-.";  // of a Node; it becomes part of a path
  if (options.node.empty() || options.node.size() > 253 ||
      options.node.find_first_not_of(kName) != std::string::npos) {
    return Failed({ErrorCode::kMalformed, "that is no name of a node"}, surroundings);
  }
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  std::vector<Pod> pods;
  const Status listed =
      connection->ForEach({kube::kPod, "", options.connection.namespace_name},
                          {.label_selector = options.selector}, [&](std::string_view text) {
                            auto pod = Pod::Parse(text);
                            if (pod && pod->phase == "Running") {
                              pods.push_back(*std::move(pod));
                            }
                          });
  if (!listed) {
    return Failed(listed.error(), surroundings);
  }
  if (pods.empty()) {
    return Failed(
        {ErrorCode::kNotFound, fmt::format("no controller runs in namespace {} (label {})",
                                           options.connection.namespace_name, options.selector)},
        surroundings);
  }
  const auto token = AuditorToken(*connection, options);
  if (!token) {
    return Failed(token.error(), surroundings);
  }
  const auto bundle = FetchFromAny(*connection, options, pods, *token);
  if (!bundle) {
    return Failed(bundle.error(), surroundings);
  }
  // What cannot be verified later is not worth keeping.
  const auto read = evidence::BundleDocument::Parse(*bundle);
  if (!read) {
    return Failed({read.error().code, "the controller's answer: " + read.error().message},
                  surroundings);
  }
  if (read->frame().node_name != options.node) {
    return Failed({ErrorCode::kMalformed, "the controller answered with evidence of another node"},
                  surroundings);
  }
  surroundings.out << *bundle << (bundle->ends_with('\n') ? "" : "\n");
  return kExitTrusted;
}

}  // namespace plimsoll::plugin
