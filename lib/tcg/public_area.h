#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/algorithm.h"

namespace plimsoll::tcg {

// TPMA_OBJECT (TPM 2.0 Part 2, 8.3). Undefined bits are kept as they are.
class ObjectAttributes {
 public:
  explicit constexpr ObjectAttributes(uint32_t bits) : bits_(bits) {}

  constexpr uint32_t bits() const { return bits_; }
  constexpr bool fixed_tpm() const { return Has(1); }
  constexpr bool st_clear() const { return Has(2); }
  constexpr bool fixed_parent() const { return Has(4); }
  constexpr bool sensitive_data_origin() const { return Has(5); }
  constexpr bool user_with_auth() const { return Has(6); }
  constexpr bool admin_with_policy() const { return Has(7); }
  constexpr bool no_da() const { return Has(10); }
  constexpr bool encrypted_duplication() const { return Has(11); }
  constexpr bool restricted() const { return Has(16); }
  constexpr bool decrypt() const { return Has(17); }
  constexpr bool sign_encrypt() const { return Has(18); }

 private:
  constexpr bool Has(unsigned bit) const { return ((bits_ >> bit) & 1U) != 0; }

  uint32_t bits_;
};

// TPMT_SYM_DEF_OBJECT (11.1.7): {kNull, 0, kNull} for none.
struct SymmetricDefinition {
  AlgorithmId algorithm = AlgorithmId::kNull;
  uint16_t key_bits = 0;
  AlgorithmId mode = AlgorithmId::kNull;

  friend bool operator==(const SymmetricDefinition&, const SymmetricDefinition&) = default;
};

// TPMT_RSA_SCHEME, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME (11.2): `hash` is kNull where the scheme has none.
struct Scheme {
  AlgorithmId algorithm = AlgorithmId::kNull;
  AlgorithmId hash = AlgorithmId::kNull;

  friend bool operator==(const Scheme&, const Scheme&) = default;
};

struct RsaPublic {
  uint16_t key_bits = 0;
  uint32_t exponent = 0;  // 0 means 65537 (12.2.3.5)
  Bytes modulus;          // at most 512 bytes, as received
};

struct EccPublic {
  CurveId curve = CurveId::kNistP256;
  Scheme kdf;
  Bytes x, y;  // at most 66 bytes each, as received: not padded
};

// TPMT_PUBLIC of an RSA or ECC key (TPM 2.0 Part 2, 12.2.4), decoded strictly. Whether the key is fit
// for something, or even a key, is for lib/crypto. Immutable, owns its bytes, safe to share.
class PublicArea {
 public:
  // kMalformed on a short read, trailing bytes, an over-long field, or an algorithm, curve or
  // scheme that is not known or does not go with the key's type.
  static Result<PublicArea> Parse(ByteSpan bytes);

  // The same from a TPM2B_PUBLIC, as TPM commands and tools give it: a 16-bit size in front, exact.
  static Result<PublicArea> ParseSized(ByteSpan bytes);

  ByteSpan bytes() const { return bytes_; }   // the TPMT_PUBLIC as received, which its Name is over
  AlgorithmId type() const { return type_; }  // kRsa or kEcc
  AlgorithmId name_algorithm() const { return name_algorithm_; }  // a hash
  ObjectAttributes attributes() const { return attributes_; }
  ByteSpan auth_policy() const { return auth_policy_; }
  const SymmetricDefinition& symmetric() const { return symmetric_; }
  const Scheme& scheme() const { return scheme_; }

  // Exactly one of the two is there, by type().
  const RsaPublic* rsa() const { return std::get_if<RsaPublic>(&key_); }
  const EccPublic* ecc() const { return std::get_if<EccPublic>(&key_); }

  friend bool operator==(const PublicArea& a, const PublicArea& b) { return a.bytes_ == b.bytes_; }

 private:
  explicit PublicArea(Bytes bytes) : bytes_(std::move(bytes)), attributes_(0) {}

  Bytes bytes_;
  AlgorithmId type_ = AlgorithmId::kNull;
  AlgorithmId name_algorithm_ = AlgorithmId::kNull;
  ObjectAttributes attributes_;
  Bytes auth_policy_;
  SymmetricDefinition symmetric_;
  Scheme scheme_;
  std::variant<RsaPublic, EccPublic> key_;
};

}  // namespace plimsoll::tcg
