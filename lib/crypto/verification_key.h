#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/public_area.h"
#include "tcg/signature.h"

namespace plimsoll::crypto {

enum class SignatureCheck : uint8_t { kInvalid, kValid };

// A public key that checks signatures made by a TPM. The key is built once; Verify is cheap, const
// and thread-safe. Copies share the key.
class VerificationKey {
 public:
  // From an AK's public area. Fails with kMalformed when it is not a key (point not on the curve,
  // modulus of another length than keyBits, even or short), with kUnsupported when it is one that
  // must not be used: RSA under 2048 or over 4096 bits, an exponent other than 65537, no concrete
  // signing scheme, SHA-1 (S2, S3, S5). Attributes are not looked at: see attestation_key.h.
  static Result<VerificationKey> FromPublicArea(const tcg::PublicArea& public_area);

  // From a PEM SubjectPublicKeyInfo: RSA, or EC on P-256, P-384 or P-521, with the same limits.
  // Such a key names no scheme: any that fits its type, with SHA-256 or stronger, is then taken. It
  // says nothing about where the private key lives either.
  static Result<VerificationKey> FromPem(std::string_view pem);

  // Whether `signature` is this key's over exactly these bytes. kInvalid for all that is wrong with
  // the signature: another algorithm or hash than the key's scheme (S1), a wrong length or range
  // (S3, S5), a PSS salt that has neither the digest's nor the maximum length (S4), other bytes,
  // another key. An Error means that it could not be checked, and is never a pass (S7).
  Result<SignatureCheck> Verify(const tcg::Signature& signature, ByteSpan message) const;

 private:
  struct State;
  explicit VerificationKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace plimsoll::crypto
