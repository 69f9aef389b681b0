#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "crypto/attestation_key.h"
#include "tcg/public_area.h"

namespace plimsoll::crypto {

// Whether this is an endorsement key made from a template of the TCG EK Credential Profile 2.5
// (annex B: L-1 RSA-2048, L-2 P-256, H-1 RSA-2048, H-2 P-256, H-3 P-384), so that a credential made
// for it can be recovered in the TPM only, by an authorised user only; nullopt when it is. Checks
// C12 (template, point on curve), S3 (modulus and exponent) and K7 (ROCA). The `unique` field is
// the key itself and can be anything.
std::optional<KeyRejection> CheckEndorsementKey(const tcg::PublicArea& ek);

// Lower-case hex SHA-256 of the key's DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7): what names an
// endorsement key everywhere in the API. Equal for a public area and a certificate of the same key;
// an RSA key is always written with rsaEncryption, whatever its certificate says. kMalformed when
// it is no key.
Result<std::string> EndorsementKeySha256(const tcg::PublicArea& ek);

}  // namespace plimsoll::crypto
