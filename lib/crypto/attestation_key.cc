#include "crypto/attestation_key.h"

#include <fmt/format.h>

#include "crypto/key_numbers.h"

namespace plimsoll::crypto {
namespace {

using tcg::AlgorithmId;
using tcg::PublicArea;

// userWithAuth, adminWithPolicy, firmwareLimited, svnLimited, noDA: what says how the key may be
// used or how long it lives, but not what it signs.
constexpr uint32_t kIndifferentAttributes = 1U << 6U | 1U << 7U | 1U << 8U | 1U << 9U | 1U << 10U;
constexpr uint32_t kDemandedAttributes = 1U << 1U | 1U << 4U | 1U << 5U | 1U << 16U | 1U << 18U;

std::optional<KeyRejection> CheckAttributes(const PublicArea& ak) {
  const tcg::ObjectAttributes attributes = ak.attributes();
  struct Property {
    bool holds;
    std::string_view message;
  };
  const Property properties[] = {
      {attributes.restricted(), "is not restricted"},
      {attributes.sign_encrypt(), "does not sign"},
      {attributes.fixed_tpm(), "is not fixedTPM"},
      {attributes.fixed_parent(), "is not fixedParent"},
      {attributes.sensitive_data_origin(), "was not made in the TPM (sensitiveDataOrigin)"},
      {!attributes.decrypt(), "decrypts"},
      {!attributes.encrypted_duplication(), "may be duplicated (encryptedDuplication)"},
      {!attributes.st_clear(), "is stClear"},
      {(attributes.bits() & ~kIndifferentAttributes) == kDemandedAttributes,
       "has attributes that an attestation key does not have"},
  };
  for (const Property& property : properties) {
    if (!property.holds) {
      return KeyRejection{"K1", fmt::format("AK {} (objectAttributes {:#010x})", property.message,
                                            attributes.bits())};
    }
  }
  return std::nullopt;
}

std::optional<KeyRejection> CheckScheme(const PublicArea& ak) {
  const tcg::Scheme& scheme = ak.scheme();
  const bool rsa =
      scheme.algorithm == AlgorithmId::kRsassa || scheme.algorithm == AlgorithmId::kRsapss;
  // The decoder has seen to it that the scheme goes with the type.
  if (!rsa && scheme.algorithm != AlgorithmId::kEcdsa) {
    return KeyRejection{
        "K2", fmt::format("AK scheme {} is no signing scheme", ToString(scheme.algorithm))};
  }
  if (!tcg::IsStrongHash(scheme.hash)) {
    return KeyRejection{
        "K2", fmt::format("AK scheme hash {} is weaker than SHA-256", ToString(scheme.hash))};
  }
  if (ak.symmetric().algorithm != AlgorithmId::kNull) {
    return KeyRejection{
        "K2", fmt::format("AK has a symmetric algorithm, {}", ToString(ak.symmetric().algorithm))};
  }
  if (ak.ecc() != nullptr && ak.ecc()->kdf.algorithm != AlgorithmId::kNull) {
    return KeyRejection{
        "K2", fmt::format("AK has a key derivation, {}", ToString(ak.ecc()->kdf.algorithm))};
  }
  return std::nullopt;
}

std::optional<KeyRejection> CheckNaming(const PublicArea& ak) {
  if (!tcg::IsStrongHash(ak.name_algorithm())) {
    return KeyRejection{
        "K4", fmt::format("AK nameAlg {} is weaker than SHA-256", ToString(ak.name_algorithm()))};
  }
  if (!ak.auth_policy().empty()) {
    return KeyRejection{"K6", fmt::format("AK has an authPolicy of {} bytes, none is expected",
                                          ak.auth_policy().size())};
  }
  return std::nullopt;
}

}  // namespace

std::optional<KeyRejection> CheckAttestationKey(const PublicArea& ak) {
  for (const auto& check : {CheckAttributes, CheckScheme, CheckNaming}) {
    if (auto rejection = check(ak)) {
      return rejection;
    }
  }
  return CheckKeyNumbers(ak, "AK");
}

KeyProfile ProfileOf(const PublicArea& ak) {
  const tcg::Scheme& scheme = ak.scheme();
  if (ak.ecc() != nullptr) {
    if (ak.ecc()->curve == tcg::CurveId::kNistP384 &&
        scheme == tcg::Scheme{AlgorithmId::kEcdsa, AlgorithmId::kSha384}) {
      return KeyProfile::kP384;
    }
    if (ak.ecc()->curve == tcg::CurveId::kNistP256 &&
        scheme == tcg::Scheme{AlgorithmId::kEcdsa, AlgorithmId::kSha256}) {
      return KeyProfile::kP256;
    }
  } else if (ak.rsa()->key_bits == 2048 &&
             scheme == tcg::Scheme{AlgorithmId::kRsassa, AlgorithmId::kSha256}) {
    return KeyProfile::kRsa2048;
  }
  return KeyProfile::kOther;
}

std::string_view ToString(KeyProfile profile) {
  switch (profile) {
    case KeyProfile::kP384:
      return "p384";
    case KeyProfile::kP256:
      return "p256";
    case KeyProfile::kRsa2048:
      return "rsa2048";
    case KeyProfile::kOther:
      return "other";
  }
  return "other";
}

std::optional<KeyProfile> KeyProfileFromName(std::string_view name) {
  for (const KeyProfile profile : {KeyProfile::kP384, KeyProfile::kP256, KeyProfile::kRsa2048}) {
    if (name == ToString(profile)) {
      return profile;
    }
  }
  return std::nullopt;
}

}  // namespace plimsoll::crypto
