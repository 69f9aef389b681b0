#include "crypto/endorsement_leaf.h"

#include <fmt/format.h>

#include <array>

namespace plimsoll::crypto {
namespace {

constexpr std::string_view kEndorsementKeyUsage = "2.23.133.8.1";  // tcg-kp-EKCertificate

// Says which specification a TPM follows: nothing that a verifier has to obey (C7).
constexpr std::string_view kSubjectDirectoryAttributes = "2.5.29.9";

struct ExtendedKeyUsageDeleter {
  void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
};
using ExtendedKeyUsagePtr = std::unique_ptr<EXTENDED_KEY_USAGE, ExtendedKeyUsageDeleter>;

std::string ObjectText(const ASN1_OBJECT* object) {
  std::array<char, 64> text{};
  const int size = OBJ_obj2txt(text.data(), text.size(), object, 1);
  return size > 0 && static_cast<size_t>(size) < text.size() ? std::string(text.data()) : "";
}

}  // namespace

bool UnderstandsCriticalExtensions(X509& certificate) {
  for (int i = 0; i < X509_get_ext_count(&certificate); ++i) {
    X509_EXTENSION* extension = X509_get_ext(&certificate, i);
    if (X509_EXTENSION_get_critical(extension) == 1 && X509_supported_extension(extension) != 1 &&
        ObjectText(X509_EXTENSION_get_object(extension)) != kSubjectDirectoryAttributes) {
      return false;
    }
  }
  return true;
}

std::optional<ChainRejection> CheckEndorsementLeaf(X509& leaf, const ChainOptions& options) {
  // Of a CA without keyCertSign, X509_check_ca says that it is none.
  if (X509_check_ca(&leaf) != 0 || (X509_get_extension_flags(&leaf) & EXFLAG_CA) != 0) {
    return ChainRejection{"C5", "the EK certificate is one of a CA"};
  }
  const EVP_PKEY* key = X509_get0_pubkey(&leaf);
  const bool elliptic = key != nullptr && EVP_PKEY_is_a(key, "EC") == 1;
  const uint32_t usage = X509_get_key_usage(&leaf);
  const uint32_t demanded = elliptic ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
  if (usage == UINT32_MAX || (usage & demanded) == 0) {
    return ChainRejection{"C5", fmt::format("the EK certificate has no key usage {}",
                                            elliptic ? "keyAgreement" : "keyEncipherment")};
  }
  const ExtendedKeyUsagePtr extended(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(&leaf, NID_ext_key_usage, nullptr, nullptr)));
  if (!extended) {
    return options.require_extended_key_usage
               ? std::optional(ChainRejection{
                     "C5", "the EK certificate has no extended key usage, which is required"})
               : std::nullopt;
  }
  std::string found;
  for (int i = 0; i < sk_ASN1_OBJECT_num(extended.get()); ++i) {
    const std::string usage_text = ObjectText(sk_ASN1_OBJECT_value(extended.get(), i));
    if (usage_text == kEndorsementKeyUsage) {
      return std::nullopt;
    }
    found += (found.empty() ? "" : ", ") + usage_text;
  }
  return ChainRejection{
      "C5", fmt::format("the EK certificate's extended key usage is {}, not {} "
                        "(tcg-kp-EKCertificate)",
                        found.empty() ? "empty" : found.substr(0, 256), kEndorsementKeyUsage)};
}

}  // namespace plimsoll::crypto
