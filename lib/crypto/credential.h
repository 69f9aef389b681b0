#pragma once

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "tcg/name.h"
#include "tcg/public_area.h"

namespace plimsoll::crypto {

// What TPM2_ActivateCredential takes, size fields included.
struct Credential {
  Bytes credential_blob;   // TPM2B_ID_OBJECT
  Bytes encrypted_secret;  // TPM2B_ENCRYPTED_SECRET
};

// TPM2_MakeCredential in software (TPM 2.0 Part 1, 24; annexes B.10.4 and C.6.4): wraps `secret` so that
// only the TPM that holds `ek` and, in it, the object named `ak` can recover it.
//
// `ek` must have passed CheckEndorsementKey: RSA-2048, P-256 or P-384. Sizes and algorithms come
// from its template (M3). `ak` must be computed, never received (K3). `secret` is 16 bytes up to
// the size of the EK's nameAlg digest (kTooLarge, kMalformed). The seed comes from `random`; the
// OAEP padding and the ephemeral key from OpenSSL's generator. Thread-safe.
Result<Credential> MakeCredential(const tcg::PublicArea& ek, const tcg::Name& ak, ByteSpan secret,
                                  Random& random);

// The inner half: TPM2B_ID_OBJECT under a known `seed`, which must be as long as the EK's nameAlg
// digest.
Result<Bytes> SealCredential(const tcg::PublicArea& ek, const tcg::Name& ak, ByteSpan secret,
                             ByteSpan seed);

}  // namespace plimsoll::crypto
