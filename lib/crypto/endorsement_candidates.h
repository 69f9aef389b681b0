#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "crypto/endorsement_roots.h"
#include "crypto/openssl.h"

// Private to lib/crypto: which certificates can be part of an endorsement certificate's chain.

namespace plimsoll::crypto {

using NameHash = uint32_t;
NameHash HashOf(const X509_NAME* name);

// Another owner of the same certificate.
X509Ptr Share(X509* certificate);

struct EndorsementRoots::State {
  struct Issuer {
    X509Ptr certificate;
    bool anchor = false;
  };
  std::unordered_multimap<NameHash, Issuer> issuers;  // of PEM; the key is their subject's hash
  std::optional<EndorsementBundle> bundle;
  size_t anchor_count = 0;
  std::chrono::sys_seconds earliest_expiry = kNoExpiry;
};

// What OpenSSL may build a path from.
struct IssuerCandidates {
  std::vector<X509Ptr> anchors;
  std::vector<X509Ptr> intermediates;

  // A certificate whose issuer's name is known, but no key of that name made its signature.
  std::string unsigned_by;  // that name; empty = none
};

// The certificates that stand, issuer by issuer, above `leaf`: those of `roots` and of `offered`
// whose key has signed the one below. So certificates of one name with several keys, which vendors
// have, cannot lead astray. Looks only at names that it meets, and so reads of a bundle only those.
// kTooLarge when more signatures would have to be tried than any vendor's chain needs.
Result<IssuerCandidates> CollectCandidates(X509& leaf, const std::vector<X509Ptr>& offered,
                                           const EndorsementRoots& roots);

}  // namespace plimsoll::crypto
