#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "crypto/endorsement_chain.h"
#include "crypto/endorsement_revocation.h"
#include "crypto/openssl.h"

// Private to lib/crypto.

namespace plimsoll::crypto {

struct RevocationLists::State {
  std::vector<X509CrlPtr> lists;
};

// Whether the lists say of every certificate of a verified path (leaf first) but its anchor that it
// is not revoked (C10); nullopt when they do.
//
// Each needs a list of its issuer that counts: signed by the very key that signed the certificate,
// with SHA-256 or stronger, by a CA that may sign lists, complete (no delta, no other CA's, not cut
// to some reasons, or cut to a part that this certificate is in), without unknown critical
// extensions, and current at `now`: thisUpdate has come, nextUpdate is there and has not passed.
// A revocation counts also when its list is no longer current.
std::optional<ChainRejection> CheckRevocation(const std::vector<X509Ptr>& path,
                                              const RevocationLists& lists, WallTime now);

}  // namespace plimsoll::crypto
