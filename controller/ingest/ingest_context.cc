#include "controller/ingest/ingest_context.h"

#include <algorithm>

namespace plimsoll::controller::ingest {
namespace {

constexpr std::chrono::seconds kRetryUnavailable{5};

}  // namespace

http::Response Reject(IngestContext& context, const AgentPrincipal& agent, int status,
                      std::string_view reason, std::string_view detail,
                      std::optional<std::chrono::seconds> retry_after) {
  context.d.metrics.EvidenceRejected(reason);
  context.d.logger.Info("request refused", {{"node", agent.node_name()},
                                            {"pod", agent.pod_name()},
                                            {"status", status},
                                            {"reason", reason},
                                            {"detail", detail}});
  return http::ProblemResponse(status, reason, detail, retry_after);
}

http::Response Unavailable(IngestContext& context, const AgentPrincipal& agent,
                           std::string_view doing, const Error& error) {
  context.d.logger.Warning(
      "request not served",
      {{"node", agent.node_name()}, {"doing", doing}, {"error", error.message}});
  return http::ProblemResponse(503, "Unavailable", "the controller cannot do this now",
                               std::max(error.retry_after, kRetryUnavailable));
}

policies::NodePolicies PoliciesOf(const IngestContext& context, const AgentPrincipal& agent) {
  const auto node = context.d.nodes.Get(agent.node_name());
  return node ? context.d.picture.For(*node) : policies::NodePolicies{};
}

}  // namespace plimsoll::controller::ingest
