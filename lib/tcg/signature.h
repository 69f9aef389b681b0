#pragma once

#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/algorithm.h"

namespace plimsoll::tcg {

struct RsaSignature {
  Bytes value;  // at most 512 bytes
};

struct EcdsaSignature {
  Bytes r, s;  // at most 66 bytes each, big endian, as received: padded or not
};

// TPMT_SIGNATURE by RSASSA, RSAPSS or ECDSA (TPM 2.0 Part 2, 11.3.4). Lengths and ranges that depend on
// the key are for crypto::VerificationKey.
//
// Of an ECDSA signature (r, s) there is always a twin (r, n-s) that verifies too: never use
// signature bytes as an identity, a cache key or a replay key (S6). Immutable.
class Signature {
 public:
  // kMalformed on a short read, trailing bytes, an over-long field, another algorithm or hash.
  static Result<Signature> Parse(ByteSpan bytes);

  AlgorithmId algorithm() const { return algorithm_; }  // kRsassa, kRsapss or kEcdsa
  AlgorithmId hash() const { return hash_; }            // a hash; may be SHA-1

  // Exactly one of the two is there, by algorithm().
  const RsaSignature* rsa() const { return std::get_if<RsaSignature>(&value_); }
  const EcdsaSignature* ecdsa() const { return std::get_if<EcdsaSignature>(&value_); }

 private:
  Signature(AlgorithmId algorithm, AlgorithmId hash,
            std::variant<RsaSignature, EcdsaSignature> value)
      : algorithm_(algorithm), hash_(hash), value_(std::move(value)) {}

  AlgorithmId algorithm_;
  AlgorithmId hash_;
  std::variant<RsaSignature, EcdsaSignature> value_;
};

}  // namespace plimsoll::tcg
