#include "controller/ingest/kept_evidence_route.h"

#include <memory>
#include <utility>

#include "appraisal/reason.h"
#include "controller/ingest/agent_authenticator.h"
#include "controller/ingest/bearer_token.h"

namespace plimsoll::controller::ingest {
namespace {

namespace wire = appraisal::wire;

constexpr http::RateLimit kReviews{.per_minute = 60, .burst = 10};
constexpr std::chrono::seconds kRetryUnavailable{5};

class Auditor final : public http::Principal {
 public:
  explicit Auditor(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }

 private:
  const std::string name_;
};

}  // namespace

http::Route KeptEvidenceRoute(EvidenceKeeper& keeper) {
  return {.method = http::Method::kGet,
          .pattern = "/evidence/{node}",
          .handler =
              [&keeper](const http::Request& request) {
                if (request.principal_as<Auditor>() == nullptr) {
                  return http::ProblemResponse(401, wire::kUnauthenticated,
                                               "an auditor's token is needed");
                }
                auto bundle = keeper.BundleOf(request.parameters.at("node"));
                if (!bundle) {
                  return http::ProblemResponse(
                      404, wire::kEvidenceNotKept,
                      "this replica keeps no evidence of a node of that name");
                }
                return http::JsonResponse(200, *std::move(bundle));
              },
          .max_body_bytes = http::kNoBody,
          .access = http::Access::kAuthenticated,
          .realm = std::string(kAuditorRealm)};
}

AuditorAuthenticator::AuditorAuthenticator(kube::TokenReviewer& reviewer, telemetry::Logger& logger,
                                           const Clock& clock, std::string username)
    : reviewer_(reviewer),
      logger_(logger),
      username_(std::move(username)),
      rate_(kReviews, 1, clock) {}

http::Authentication AuditorAuthenticator::Authenticate(const http::RequestHead& head) {
  if (head.realm != kAuditorRealm) {
    return Refuse(head, 403, wire::kForbidden, "no credential opens this path");
  }
  if (!head.plimsoll_token) {
    return Refuse(head, 401, wire::kUnauthenticated,
                  "a token of the auditors' ServiceAccount is needed in X-Plimsoll-Token");
  }
  const std::string bearer = "Bearer " + *head.plimsoll_token;
  const auto token = ParseBearerToken(bearer);
  if (!token) {
    return Refuse(head, 401, wire::kUnauthenticated, "X-Plimsoll-Token holds no token");
  }
  const auto wait = rate_.Admit("reviews");
  if (head.source_is_suspect || wait) {
    return tl::unexpected(http::Refusal{
        http::ProblemResponse(429, wire::kRateLimited, "too many tokens wait for their review",
                              wait.value_or(std::chrono::seconds(60))),
        false});
  }
  const auto identity = reviewer_.Review(token->text, std::string(kAudience));
  if (!identity) {
    return tl::unexpected(http::Refusal{
        http::ProblemResponse(503, "Unavailable", "the API server did not review the token",
                              kRetryUnavailable),
        false});
  }
  if (!identity->IsFor(kAudience)) {
    return Refuse(head, 401, wire::kUnauthenticated, "the token is not for this controller");
  }
  if (identity->username != username_) {
    return Refuse(head, 403, wire::kForbidden, "the token is not of the auditors' ServiceAccount");
  }
  logger_.Info("auditor let in", {{"path", head.path}, {"to", identity->username}});
  return std::make_shared<const Auditor>(identity->username);
}

tl::unexpected<http::Refusal> AuditorAuthenticator::Refuse(const http::RequestHead& head,
                                                           int status, std::string_view reason,
                                                           std::string_view detail) {
  logger_.Info("request refused", {{"route", head.route},
                                   {"source", head.remote_address},
                                   {"status", status},
                                   {"reason", reason}});
  return tl::unexpected(http::Refusal{http::ProblemResponse(status, reason, detail), true});
}

}  // namespace plimsoll::controller::ingest
