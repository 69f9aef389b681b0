#include "controller/ingest/routes.h"

#include <string>

#include "appraisal/reason.h"
#include "controller/ingest/agent_authenticator.h"

namespace plimsoll::controller::ingest {
namespace {

using AgentHandler = http::Response (*)(IngestContext&, const AgentPrincipal&,
                                        const http::Request&);

http::Route AgentRoute(IngestContext& context, http::Method method, std::string pattern,
                       size_t max_body_bytes, AgentHandler handler) {
  return {.method = method,
          .pattern = std::move(pattern),
          .handler =
              [&context, handler](const http::Request& request) {
                const auto* agent = request.principal_as<AgentPrincipal>();
                if (agent == nullptr) {
                  return http::ProblemResponse(401, appraisal::wire::kUnauthenticated,
                                               "an agent's token is needed");
                }
                return handler(context, *agent, request);
              },
          .max_body_bytes = max_body_bytes,
          .access = http::Access::kAuthenticated,
          .realm = std::string(kAgentRealm)};
}

}  // namespace

std::vector<http::Route> Routes(IngestContext& context) {
  using http::Method;
  constexpr size_t kSmall = http::kMaxSmallBodyBytes;
  return {
      AgentRoute(context, Method::kGet, "/v1/cluster", http::kNoBody, GetCluster),
      AgentRoute(context, Method::kPost, "/v1/enrollments", kSmall, PostEnrollment),
      AgentRoute(context, Method::kPost, "/v1/enrollments/{id}/activation", kSmall, PostActivation),
      AgentRoute(context, Method::kPost, "/v1/challenges", kSmall, PostChallenge),
      AgentRoute(context, Method::kPost, "/v1/evidence", http::kMaxEvidenceBodyBytes, PostEvidence),
      AgentRoute(context, Method::kPost, "/v1/reports", kSmall, PostReport),
  };
}

}  // namespace plimsoll::controller::ingest
