#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "controller/ingest/agent_principal.h"
#include "controller/ingest/bearer_token.h"
#include "controller/ingest/bounded_cache.h"
#include "controller/metrics.h"
#include "controller/objects.h"
#include "http/authenticator.h"
#include "http/rate_limiter.h"
#include "kube/lookup.h"
#include "kube/token_review.h"
#include "telemetry/log.h"

namespace plimsoll::controller::ingest {

inline constexpr std::string_view kAgentRealm = "agent";
inline constexpr std::string_view kAudience = "plimsoll.dev/controller";

struct AuthenticatorOptions {
  // Of the agents: "system:serviceaccount:NAMESPACE:NAME".
  std::string username;

  std::chrono::seconds max_review_age{300};  // less when the token runs out before
  std::chrono::seconds max_refusal_age{10};
  size_t max_reviews = 16'384;  // kept, of each kind; several times the number of nodes
  size_t max_nodes = 32'768;    // whose rates are remembered

  // TokenReviews of tokens that are not known: 5,000 nodes need about 1,000 a minute.
  http::RateLimit reviews{.per_minute = 3'000, .burst = 500};
  http::RateLimit requests_per_node = http::kRequestsPerNode;
};

// Lets agents in, and nobody else: realm "agent" takes a projected ServiceAccount token that is
// bound to a Pod on a Node and has our audience, as the API server's TokenReview confirms. Every
// other realm is refused (docs: evidence protocol, "Client identity" and "Decided details").
//
//   401 Unauthenticated  no token, or one that the API server does not confirm for our audience
//   403 Forbidden        another ServiceAccount, no node claims, another realm
//   403 NodeMismatch     a token for a Node that is not the live one of that name
//   429 RateLimited      the node's rate, or an unknown token from a source that sent bad ones
//   503                  the API server does not answer, or too many unknown tokens at once
//
// Reviews are cached by the token's SHA-256, refusals too, so that a flood costs a hash each. A
// cached review counts only while the Node exists with that UID. Thread-safe.
class AgentAuthenticator final : public http::Authenticator {
 public:
  // All references must outlive it.
  AgentAuthenticator(kube::TokenReviewer& reviewer, const Lookup<Node>& nodes, Metrics& metrics,
                     telemetry::Logger& logger, const Clock& clock, AuthenticatorOptions options);

  http::Authentication Authenticate(const http::RequestHead& head) override;

 private:
  struct Review {
    std::shared_ptr<const AgentPrincipal> principal;
    MonotonicTime expires;
  };
  enum class Fault : uint8_t { kUnauthenticated, kForbidden };
  struct Rejection {
    Fault fault;
    MonotonicTime expires;
  };
  using Reviewed = tl::expected<std::shared_ptr<const AgentPrincipal>, http::Refusal>;

  Reviewed Identify(const http::RequestHead& head, const BearerToken& token);
  Reviewed Ask(const http::RequestHead& head, const BearerToken& token, const std::string& key);
  tl::unexpected<http::Refusal> Refuse(const http::RequestHead& head, Fault fault);
  tl::unexpected<http::Refusal> Refuse(const http::RequestHead& head, int status,
                                       std::string_view reason, std::string_view detail,
                                       bool counts);

  kube::TokenReviewer& reviewer_;
  const Lookup<Node>& nodes_;
  Metrics& metrics_;
  telemetry::Logger& logger_;
  const Clock& clock_;
  const AuthenticatorOptions options_;
  BoundedCache<Review> reviews_;
  BoundedCache<Rejection> rejections_;
  http::RateLimiter review_rate_;
  http::RateLimiter node_rate_;
};

}  // namespace plimsoll::controller::ingest
