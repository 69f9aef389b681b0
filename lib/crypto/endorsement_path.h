#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/endorsement_chain.h"
#include "crypto/openssl.h"

// Private to lib/crypto: VerifyEndorsementChain, and the path that it found.

namespace plimsoll::crypto {

struct EndorsementPath {
  std::vector<X509Ptr> certificates;  // from the leaf to the anchor; empty when rejected
  std::optional<ChainRejection> rejection;
};

Result<EndorsementPath> FindEndorsementPath(const EndorsementCertificate& leaf,
                                            const std::vector<Bytes>& offered,
                                            const EndorsementRoots& roots, WallTime now,
                                            const ChainOptions& options);

// What messages call a certificate of a path: "the EK certificate", "the CA certificate of CN=...".
std::string DescribeOnPath(const X509& certificate, size_t depth);

}  // namespace plimsoll::crypto
