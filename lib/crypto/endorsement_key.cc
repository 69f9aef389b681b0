#include "crypto/endorsement_key.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/key_numbers.h"
#include "crypto/public_key.h"

namespace plimsoll::crypto {
namespace {

using tcg::AlgorithmId;
using tcg::PublicArea;

// A template of the TCG EK Credential Profile 2.5, annex B.3 (low range) or B.4 (high range), but
// for the kind of key. Policies are in hex.
struct Template {
  uint32_t attributes;
  AlgorithmId name_algorithm;
  uint16_t symmetric_bits;
  std::string_view policy;
};

// PolicyA: PolicySecret(TPM_RH_ENDORSEMENT).
constexpr Template kLow = {0x000300B2, AlgorithmId::kSha256, 128,
                           "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"};

// PolicyB: PolicyOR of PolicyA and PolicyC, PolicyAuthorizeNV of the index I-1.
constexpr Template kHighSha256 = {
    0x000300F2, AlgorithmId::kSha256, 128,
    "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0"};
constexpr Template kHighSha384 = {0x000300F2, AlgorithmId::kSha384, 256,
                                  "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419ca"
                                  "cb47ba09699646150f9fc000f3f80e12"};

std::optional<KeyRejection> Reject(std::string message) {
  return KeyRejection{"C12", "EK " + std::move(message)};
}

// Compares what templates have in common.
std::optional<KeyRejection> CompareWith(const PublicArea& ek, const Template& expected) {
  if (ek.attributes().bits() != expected.attributes) {
    return Reject(fmt::format("objectAttributes {:#010x}, the template has {:#010x}",
                              ek.attributes().bits(), expected.attributes));
  }
  if (ek.name_algorithm() != expected.name_algorithm) {
    return Reject(fmt::format("nameAlg {}, the template has {}", ToString(ek.name_algorithm()),
                              ToString(expected.name_algorithm)));
  }
  if (ToHex(ek.auth_policy()) != expected.policy) {
    return Reject("authPolicy is not the template's");
  }
  if (ek.symmetric() !=
      tcg::SymmetricDefinition{AlgorithmId::kAes, expected.symmetric_bits, AlgorithmId::kCfb}) {
    return Reject(fmt::format("symmetric algorithm is not AES-{}-CFB", expected.symmetric_bits));
  }
  if (ek.scheme().algorithm != AlgorithmId::kNull ||
      (ek.ecc() != nullptr && ek.ecc()->kdf.algorithm != AlgorithmId::kNull)) {
    return Reject("has a scheme or key derivation, a storage key has none");
  }
  return std::nullopt;
}

// The template that the key's kind and attributes point to: the one to compare with.
const Template* FindTemplate(const PublicArea& ek) {
  const bool high = ek.attributes().user_with_auth();
  if (ek.rsa() != nullptr) {
    return ek.rsa()->key_bits != 2048 ? nullptr : high ? &kHighSha256 : &kLow;
  }
  switch (ek.ecc()->curve) {
    case tcg::CurveId::kNistP256:
      return high ? &kHighSha256 : &kLow;
    case tcg::CurveId::kNistP384:
      return &kHighSha384;
    default:
      return nullptr;
  }
}

}  // namespace

std::optional<KeyRejection> CheckEndorsementKey(const PublicArea& ek) {
  const Template* expected = FindTemplate(ek);
  if (expected == nullptr) {
    return Reject("is not of a supported kind: RSA-2048, P-256 or P-384");
  }
  if (auto rejection = CompareWith(ek, *expected)) {
    return rejection;
  }
  return CheckKeyNumbers(ek, "EK");
}

Result<std::string> EndorsementKeySha256(const PublicArea& ek) {
  PLIMSOLL_ASSIGN_OR_RETURN(const PkeyPtr key, MakeKey(ek));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes spki, EncodeSpki(*key));
  return Sha256Hex(spki);
}

}  // namespace plimsoll::crypto
