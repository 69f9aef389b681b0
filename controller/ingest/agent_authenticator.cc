#include "controller/ingest/agent_authenticator.h"

#include <algorithm>
#include <utility>

#include "appraisal/reason.h"
#include "crypto/digest.h"
#include "evidence/identifiers.h"

namespace plimsoll::controller::ingest {
namespace {

namespace wire = appraisal::wire;

constexpr std::string_view kAllReviews = "reviews";
constexpr std::chrono::seconds kRetryUnavailable{5};

tl::unexpected<http::Refusal> Unavailable(std::string_view detail, std::chrono::seconds retry) {
  return tl::unexpected(
      http::Refusal{http::ProblemResponse(503, "Unavailable", detail, retry), false});
}

tl::unexpected<http::Refusal> TooMany(std::string_view detail, std::chrono::seconds retry) {
  return tl::unexpected(
      http::Refusal{http::ProblemResponse(429, wire::kRateLimited, detail, retry), false});
}

}  // namespace

AgentAuthenticator::AgentAuthenticator(kube::TokenReviewer& reviewer, const Lookup<Node>& nodes,
                                       Metrics& metrics, telemetry::Logger& logger,
                                       const Clock& clock, AuthenticatorOptions options)
    : reviewer_(reviewer),
      nodes_(nodes),
      metrics_(metrics),
      logger_(logger),
      clock_(clock),
      options_(std::move(options)),
      reviews_(options_.max_reviews),
      rejections_(options_.max_reviews),
      review_rate_(options_.reviews, 1, clock),
      node_rate_(options_.requests_per_node, options_.max_nodes, clock) {}

http::Authentication AgentAuthenticator::Authenticate(const http::RequestHead& head) {
  if (head.realm != kAgentRealm) {
    return Refuse(head, 403, wire::kForbidden, "no credential opens this path", false);
  }
  if (!head.authorization) {
    return Refuse(head, Fault::kUnauthenticated);
  }
  const auto token = ParseBearerToken(*head.authorization);
  if (!token) {
    return Refuse(head, Fault::kUnauthenticated);
  }
  auto principal = Identify(head, *token);
  if (!principal) {
    return tl::unexpected(std::move(principal).error());
  }
  const AgentPrincipal& agent = **principal;
  const auto node = nodes_.Get(agent.node_name());
  if (!node || node->meta.uid != agent.node_uid()) {
    return Refuse(head, 403, wire::kNodeMismatch,
                  "the token is bound to a Node that is not the present one of that name", true);
  }
  if (const auto wait = node_rate_.Admit(agent.node_name())) {
    metrics_.EvidenceRejected(wire::kRateLimited);
    return TooMany("the node sends more requests than it may", *wait);
  }
  return *std::move(principal);
}

AgentAuthenticator::Reviewed AgentAuthenticator::Identify(const http::RequestHead& head,
                                                          const BearerToken& token) {
  const std::string key = crypto::Sha256Hex(AsBytes(token.text));
  const MonotonicTime now = clock_.Monotonic();
  if (const auto review = reviews_.Get(key)) {
    if (now < review->expires) {
      return review->principal;
    }
    reviews_.Erase(key);
  }
  if (const auto rejection = rejections_.Get(key)) {
    if (now < rejection->expires) {
      return Refuse(head, rejection->fault);
    }
    rejections_.Erase(key);
  }
  if (head.source_is_suspect) {
    metrics_.EvidenceRejected(wire::kRateLimited);
    return TooMany("this address has sent too many bad tokens", std::chrono::seconds(60));
  }
  if (const auto wait = review_rate_.Admit(kAllReviews)) {
    return Unavailable("too many tokens wait for their review", *wait);
  }
  return Ask(head, token, key);
}

AgentAuthenticator::Reviewed AgentAuthenticator::Ask(const http::RequestHead& head,
                                                     const BearerToken& token,
                                                     const std::string& key) {
  const MonotonicTime asked = clock_.Monotonic();
  const auto identity = reviewer_.Review(token.text, std::string(kAudience));
  metrics_.StageDuration("token",
                         std::chrono::duration<double>(clock_.Monotonic() - asked).count());
  if (!identity) {
    logger_.Warning("token could not be reviewed", {{"error", identity.error().message}});
    return Unavailable("the API server did not review the token",
                       std::max(identity.error().retry_after, kRetryUnavailable));
  }
  const auto reject = [&](Fault fault) {
    rejections_.Put(key, {fault, asked + options_.max_refusal_age});
    return Refuse(head, fault);
  };
  if (!identity->IsFor(kAudience)) {
    return reject(Fault::kUnauthenticated);
  }
  if (identity->username != options_.username || !identity->node_name || !identity->node_uid ||
      !identity->pod_name || !identity->pod_uid || !evidence::IsNodeName(*identity->node_name)) {
    return reject(Fault::kForbidden);
  }
  auto principal = std::make_shared<const AgentPrincipal>(*identity->node_name, *identity->node_uid,
                                                          *identity->pod_name);
  const auto age =
      std::min<std::chrono::nanoseconds>(options_.max_review_age, token.expires - clock_.Wall());
  if (age.count() > 0) {
    reviews_.Put(key, {principal, asked + age});
  }
  return principal;
}

tl::unexpected<http::Refusal> AgentAuthenticator::Refuse(const http::RequestHead& head,
                                                         Fault fault) {
  if (fault == Fault::kForbidden) {
    return Refuse(head, 403, wire::kForbidden, "the token is not that of an agent on a node", true);
  }
  return Refuse(head, 401, wire::kUnauthenticated,
                "a ServiceAccount token with our audience is needed", true);
}

tl::unexpected<http::Refusal> AgentAuthenticator::Refuse(const http::RequestHead& head, int status,
                                                         std::string_view reason,
                                                         std::string_view detail, bool counts) {
  metrics_.EvidenceRejected(reason);
  logger_.Info("request refused", {{"route", head.route},
                                   {"source", head.remote_address},
                                   {"status", status},
                                   {"reason", reason}});
  return tl::unexpected(http::Refusal{http::ProblemResponse(status, reason, detail), counts});
}

}  // namespace plimsoll::controller::ingest
