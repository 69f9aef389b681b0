#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/verification_key.h"
#include "tcg/algorithm.h"

namespace plimsoll::crypto {

// A public key that checks signatures over digests made elsewhere, as files of a distribution carry
// them: RSASSA-PKCS1-v1_5, or ECDSA in DER. Built once; Verify is const and thread-safe. Copies
// share the key.
class DigestVerificationKey {
 public:
  // From a PEM SubjectPublicKeyInfo or a PEM certificate, of which only the key counts: no chain,
  // no validity. The limits of VerificationKey::FromPem hold.
  static Result<DigestVerificationKey> FromPem(std::string_view pem);

  // Whether `signature` is this key's over `digest`. kInvalid for all that is wrong with the
  // signature and for a digest of another length than the hash's. `hash` must be a hash; whether
  // SHA-1 is good enough is for the caller to say.
  // An Error means that it could not be checked, and is never a pass.
  Result<SignatureCheck> Verify(tcg::AlgorithmId hash, ByteSpan digest, ByteSpan signature) const;

  // The last four bytes of the SHA-1 of the subjectPublicKey bits (RFC 5280, 4.2.1.2, method 1), by
  // which signatures hint at keys. Proves nothing.
  uint32_t key_id() const;

 private:
  struct State;
  explicit DigestVerificationKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace plimsoll::crypto
