#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "crypto/endorsement_bundle.h"

namespace plimsoll::crypto {

// The certificate authorities that somebody trusts to certify endorsement keys. Immutable, safe to
// share; copies share the certificates.
class EndorsementRoots {
 public:
  static constexpr size_t kMaxPemBytes = 8U << 20U;
  static constexpr size_t kMaxCertificates = 4096;

  // 9999-12-31T23:59:59Z, which in a certificate stands for no end (RFC 5280, 4.1.2.5).
  static constexpr std::chrono::sys_seconds kNoExpiry{std::chrono::seconds{253402300799}};

  // Where they come from; everything may be absent, but not every anchor.
  struct Sources {
    // One or more PEM certificates, each of which ends a chain, self-signed or not.
    std::string_view anchors = {};
    // Helps to build paths and is trusted no more than what an agent offers.
    std::string_view intermediates = {};
    // Both in one, read when a chain needs it.
    std::optional<EndorsementBundle> bundle = {};
  };

  // Text around the PEM blocks is ignored, as usual for bundles; another kind of PEM block, a
  // damaged one, an anchor that is not a CA or whose key is neither RSA of 2048 to 4096 bits nor on
  // a NIST curve is kMalformed, more than the limits kTooLarge, no anchor at all kNotFound.
  static Result<EndorsementRoots> Create(const Sources& sources);
  static Result<EndorsementRoots> FromPem(std::string_view anchors,
                                          std::string_view intermediates = {}) {
    return Create({.anchors = anchors, .intermediates = intermediates});
  }

  size_t anchor_count() const;

  // Over the anchors of `anchors`, and kNoExpiry without any: what of a bundle has ended changes
  // with the next release, not by anything that its user does.
  std::chrono::sys_seconds earliest_expiry() const;

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit EndorsementRoots(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace plimsoll::crypto
