#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tcg/public_area.h"

namespace plimsoll::crypto {

// Why a key is not accepted.
struct KeyRejection {
  std::string_view check;  // the id of the failed check, static text: "K1"
  std::string
      message;  // the property that failed: "AK is not restricted (objectAttributes 0x00040472)"
};

// Whether this can be an attestation key, that is, one that signs nothing but what the TPM itself
// made (TPM 2.0 Part 1, 25 and 27); nullopt when it can. Judges the public area alone: that the key
// lives in the TPM that it claims is what credential activation proves. In this order:
//   K1  restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin set; userWithAuth,
//       adminWithPolicy, noDA, firmwareLimited and svnLimited as they are; all else clear
//   K2  scheme and hash concrete, of the key's type, SHA-256 or stronger (S2); symmetric, KDF NULL
//   K4  nameAlg SHA-256 or stronger
//   K6  no authPolicy
//   S3  RSA 2048..4096 bits, exponent 65537 (0 stands for it), modulus odd and of keyBits length
//   S5  ECC P-256, P-384 or P-521, the point on its curve
//   K7  RSA modulus not of the form that CVE-2017-15361 (ROCA) gives
std::optional<KeyRejection> CheckAttestationKey(const tcg::PublicArea& ak);

// The key profiles of the API, strongest first.
enum class KeyProfile : uint8_t {
  kP384,     // ECDSA P-384 with SHA-384
  kP256,     // ECDSA P-256 with SHA-256
  kRsa2048,  // RSASSA 2048 with SHA-256
  kOther,    // anything else that may still be verified
};

KeyProfile ProfileOf(const tcg::PublicArea& ak);

// "p384", "p256", "rsa2048", "other".
std::string_view ToString(KeyProfile profile);

// The profile of that word; nullopt for others, "other" included: nobody asks for it.
std::optional<KeyProfile> KeyProfileFromName(std::string_view name);

}  // namespace plimsoll::crypto
