#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_chain.h"
#include "crypto/endorsement_denial.h"
#include "crypto/endorsement_revocation.h"
#include "crypto/endorsement_roots.h"

namespace plimsoll::crypto {

// What is demanded of a certificate that chains to a root: an EndorsementAuthority without its
// bundles.
struct EndorsementRules {
  ChainOptions chain;                              // validity, extendedKeyUsage
  std::vector<std::string> allowed_manufacturers;  // TCG vendor ids (VendorIdOf); empty = all
  std::vector<EndorsementDenial> denied;
  std::optional<RevocationLists> revocation;  // absent = revocation is ignored
};

struct EndorsementVerdict {
  bool accepted = false;
  std::string_view check;  // the id of the check that failed, static text: "C8"; empty = accepted
  std::string reason;      // a sentence for people, also when accepted

  // What the certificate says; empty when it could not be read, and believed only when accepted.
  std::string manufacturer;  // TCG vendor id: "STM"
  std::string model;         // "ST33HTPHAHB4"
  std::string version;       // as written: "id:00490004"
  std::string firmware;      // as people write it: "73.4"
  std::string key_type;      // "RSA-2048", "P-256"
  std::chrono::sys_seconds not_after{};

  std::vector<std::string> chain;  // subjects above the certificate, anchor last; when accepted
};

// Everything that is asked of an endorsement certificate, in this order: VerifyEndorsementChain
// (C3, C5, C7, C8, K7), manufacturers and denials (C11), revocation (C10). An Error means that it
// could not be judged. Thread-safe.
//
// Whether the certificate is that of a given key is IsFor's to say (C12), and whether the key was
// made by a template CheckEndorsementKey's.
Result<EndorsementVerdict> VerifyEndorsement(const EndorsementCertificate& certificate,
                                             const std::vector<Bytes>& offered,
                                             const EndorsementRoots& roots,
                                             const EndorsementRules& rules, WallTime now);

// The same for a file in any form that EndorsementCertificate::ParseFile takes; one that it does
// not take is not accepted either (C1).
Result<EndorsementVerdict> VerifyEndorsement(ByteSpan file, const std::vector<Bytes>& offered,
                                             const EndorsementRoots& roots,
                                             const EndorsementRules& rules, WallTime now);

}  // namespace plimsoll::crypto
