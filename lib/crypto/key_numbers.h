#pragma once

#include <optional>
#include <string_view>

#include "crypto/attestation_key.h"
#include "tcg/public_area.h"

namespace plimsoll::crypto {

// Private to lib/crypto: what AKs and EKs have in common, whether the numbers are a sound key. S3
// or S5 when they are none, K7 when RSA and made by the library of CVE-2017-15361. `what` begins
// the message.
std::optional<KeyRejection> CheckKeyNumbers(const tcg::PublicArea& key, std::string_view what);

}  // namespace plimsoll::crypto
