#pragma once

#include <optional>

#include "crypto/endorsement_chain.h"
#include "crypto/openssl.h"

// Private to lib/crypto.

namespace plimsoll::crypto {

// C5: what OpenSSL's path check leaves open, that the leaf is an endorsement certificate.
std::optional<ChainRejection> CheckEndorsementLeaf(X509& leaf, const ChainOptions& options);

// C7: whether everything critical in a certificate is understood.
bool UnderstandsCriticalExtensions(X509& certificate);

}  // namespace plimsoll::crypto
