#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/endorsement_certificate.h"

namespace plimsoll::crypto {

// The certificate authorities that somebody trusts to certify endorsement keys. Immutable, safe to
// share; copies share the certificates.
class EndorsementRoots {
 public:
  static constexpr size_t kMaxPemBytes = 8U << 20U;
  static constexpr size_t kMaxCertificates = 4096;

  // `anchors` is one or more PEM certificates, each of which ends a chain, self-signed or not;
  // `intermediates`, which may be empty, helps to build paths and is trusted no more than what an
  // agent offers. Text around the PEM blocks is ignored, as usual for bundles; another kind of PEM
  // block, a damaged one, or an anchor that is not a CA is kMalformed, more than the limits
  // kTooLarge, no anchor at all kNotFound.
  static Result<EndorsementRoots> FromPem(std::string_view anchors,
                                          std::string_view intermediates = {});

  size_t anchor_count() const;
  std::chrono::sys_seconds earliest_expiry() const;  // over the anchors

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit EndorsementRoots(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

struct ChainOptions {
  bool enforce_validity = true;  // notBefore and notAfter of every certificate on the path (C8)
  bool require_extended_key_usage = true;  // tcg-kp-EKCertificate (2.23.133.8.1) in the leaf (C5)
};

// Why a chain is not accepted.
struct ChainRejection {
  std::string_view check;  // the id of the failed check, static text: "C3"
  std::string message;
};

// Whether `leaf` is an endorsement certificate that one of `roots` answers for; nullopt when it is.
//
//   C3  a path, as OpenSSL builds it, to one of the anchors; `offered` (DER) are hints; nothing is
//   fetched C5  no CA; keyUsage keyEncipherment for RSA, keyAgreement for EC; the extended key
//   usage; path lengths C7  no critical extension that is not understood C8  validity at `now`
// More than eight offered certificates, or one that cannot be read, is a rejection too (C3). An
// Error means that it could not be judged. Thread-safe.
Result<std::optional<ChainRejection>> VerifyEndorsementChain(const EndorsementCertificate& leaf,
                                                             const std::vector<Bytes>& offered,
                                                             const EndorsementRoots& roots,
                                                             WallTime now, ChainOptions options);

}  // namespace plimsoll::crypto
