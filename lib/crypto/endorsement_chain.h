#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_roots.h"

namespace plimsoll::crypto {

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
// VerifyEndorsement asks this and everything else.
//
//   C3  a path, as OpenSSL builds it, to one of the anchors; `offered` (DER) are hints; nothing is
//       fetched
//   C5  no CA; keyUsage keyEncipherment for RSA, keyAgreement for EC; the extended key usage; path
//       lengths
//   C7  no critical extension that is not understood
//   C8  validity at `now`
//   K7  no RSA key of the path was made by the library of CVE-2017-15361
//
// More than eight offered certificates, or one that cannot be read, is a rejection too (C3). An
// Error means that it could not be judged. Thread-safe.
Result<std::optional<ChainRejection>> VerifyEndorsementChain(const EndorsementCertificate& leaf,
                                                             const std::vector<Bytes>& offered,
                                                             const EndorsementRoots& roots,
                                                             WallTime now, ChainOptions options);

}  // namespace plimsoll::crypto
