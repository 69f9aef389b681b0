#include "crypto/endorsement_roots.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/endorsement_candidates.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

size_t CountAnchors(const EndorsementBundle& bundle) {
  size_t anchors = 0;
  for (size_t i = 0; i < bundle.size(); ++i) {
    anchors += bundle.At(i).anchor ? 1 : 0;
  }
  return anchors;
}

}  // namespace

Result<EndorsementRoots> EndorsementRoots::Create(const Sources& sources) {
  const ErrorQueueGuard guard;
  auto state = std::make_shared<State>();
  PLIMSOLL_ASSIGN_OR_RETURN(std::vector<X509Ptr> anchors,
                            ReadPemCertificates(sources.anchors, kMaxPemBytes, kMaxCertificates));
  for (X509Ptr& anchor : anchors) {
    const size_t number = ++state->anchor_count;
    if (X509_check_ca(anchor.get()) == 0) {
      return Fail(ErrorCode::kMalformed, fmt::format("certificate {} is not one of a CA", number));
    }
    if (const auto key = ReadCertificateKey(*anchor); !key) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("certificate {}: {}", number, key.error().message));
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const auto expiry, ToSeconds(X509_get0_notAfter(anchor.get())));
    state->earliest_expiry = std::min(state->earliest_expiry, expiry);
    const NameHash hash = HashOf(X509_get_subject_name(anchor.get()));
    state->issuers.emplace(hash, State::Issuer{std::move(anchor), true});
  }
  PLIMSOLL_ASSIGN_OR_RETURN(
      std::vector<X509Ptr> intermediates,
      ReadPemCertificates(sources.intermediates, kMaxPemBytes, kMaxCertificates));
  for (X509Ptr& intermediate : intermediates) {
    const NameHash hash = HashOf(X509_get_subject_name(intermediate.get()));
    state->issuers.emplace(hash, State::Issuer{std::move(intermediate), false});
  }
  if (sources.bundle) {
    state->bundle = sources.bundle;
    state->anchor_count += CountAnchors(*sources.bundle);
  }
  if (state->anchor_count == 0) {
    return Fail(ErrorCode::kNotFound, "no certificate to trust");
  }
  return EndorsementRoots(std::move(state));
}

size_t EndorsementRoots::anchor_count() const { return state_->anchor_count; }

std::chrono::sys_seconds EndorsementRoots::earliest_expiry() const {
  return state_->earliest_expiry;
}

}  // namespace plimsoll::crypto
