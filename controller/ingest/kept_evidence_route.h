#pragma once

#include <string>

#include "base/clock.h"
#include "controller/ingest/evidence_keeper.h"
#include "http/authenticator.h"
#include "http/rate_limiter.h"
#include "http/router.h"
#include "kube/token_review.h"
#include "telemetry/log.h"

// How people get a node's evidence: through the API server's pod proxy, which they need the right
// to use, with a token of the ServiceAccount for auditors in X-Plimsoll-Token, which they need the
// right to make. (The API server's proxy passes no Authorization header on.)
namespace plimsoll::controller::ingest {

inline constexpr std::string_view kAuditorRealm = "auditor";
inline constexpr std::string_view kAuditorAccount = "plimsoll-auditor";

// GET /evidence/{node}: the EvidenceBundle; 404 EvidenceNotKept when this replica has none. In the
// realm "auditor". `keeper` must outlive the route.
http::Route KeptEvidenceRoute(EvidenceKeeper& keeper);

// Lets in one ServiceAccount of one namespace, by TokenReview for our audience, and nobody else in
// no other realm. Nothing is cached: a few requests a day. At most one review a second, so that the
// open port is no way to load the API server. Thread-safe.
class AuditorAuthenticator final : public http::Authenticator {
 public:
  // `username`: system:serviceaccount:NAMESPACE:NAME.
  AuditorAuthenticator(kube::TokenReviewer& reviewer, telemetry::Logger& logger, const Clock& clock,
                       std::string username);

  http::Authentication Authenticate(const http::RequestHead& head) override;

 private:
  tl::unexpected<http::Refusal> Refuse(const http::RequestHead& head, int status,
                                       std::string_view reason, std::string_view detail);

  kube::TokenReviewer& reviewer_;
  telemetry::Logger& logger_;
  const std::string username_;
  http::RateLimiter rate_;
};

}  // namespace plimsoll::controller::ingest
