#include "crypto/endorsement_certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "crypto/digest.h"
#include "crypto/endorsement_key.h"
#include "crypto/public_key.h"
#include "crypto/tpm_vendor.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

constexpr size_t kMaxText = 128;
constexpr size_t kMaxPemBytes = 65536;
constexpr size_t kMaxPemBlocks = 32;
constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";

// Attributes of the subjectAltName (TCG EK Credential Profile 2.5, 3.2.9).
constexpr std::string_view kManufacturer = "2.23.133.2.1";
constexpr std::string_view kModel = "2.23.133.2.2";
constexpr std::string_view kVersion = "2.23.133.2.3";

using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string ObjectText(const ASN1_OBJECT* object) {
  std::array<char, 64> text{};
  const int size = OBJ_obj2txt(text.data(), text.size(), object, 1);
  return size > 0 && static_cast<size_t>(size) < text.size() ? std::string(text.data()) : "";
}

std::string ValueText(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  const OpenSslBytesPtr owner(utf8);
  if (size < 0 || static_cast<size_t>(size) > kMaxText) {
    return "";
  }
  std::string text(utf8, utf8 + size);
  return IsPrintable(text) ? text : "";
}

struct TpmNames {
  std::optional<std::string> manufacturer, model, version;
};

// Two different texts are none.
void Note(std::optional<std::string>& field, std::string text) {
  field = !field || *field == text ? std::move(text) : std::string();
}

// The entries of a name are a flat list, whether they stand in one RDN or in several.
void CollectNames(const X509_NAME& name, TpmNames& names) {
  for (int i = 0; i < X509_NAME_entry_count(&name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(&name, i);
    const std::string type = ObjectText(X509_NAME_ENTRY_get_object(entry));
    std::optional<std::string>* field = type == kManufacturer ? &names.manufacturer
                                        : type == kModel      ? &names.model
                                        : type == kVersion    ? &names.version
                                                              : nullptr;
    if (field != nullptr) {
      Note(*field, ValueText(X509_NAME_ENTRY_get_data(entry)));
    }
  }
}

TpmNames ReadTpmNames(const X509& certificate) {
  TpmNames names;
  const GeneralNamesPtr alternatives(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* alternative = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (alternative->type == GEN_DIRNAME) {
      CollectNames(*alternative->d.directoryName, names);
    }
  }
  return names;
}

std::string KeyType(const EVP_PKEY& key) {
  const int bits = EVP_PKEY_get_bits(&key);
  return fmt::format("{}-{}", EVP_PKEY_is_a(&key, "RSA") == 1 ? "RSA" : "P", bits);
}

bool IsPadding(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0x00; }) ||
         std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0xFF; });
}

}  // namespace

Result<EndorsementCertificate> EndorsementCertificate::Parse(ByteSpan bytes) {
  if (bytes.size() > kMaxBytes) {
    return Fail(ErrorCode::kTooLarge, fmt::format("EK certificate: {} bytes", bytes.size()));
  }
  auto read = ReadDerCertificate(bytes);
  if (!read) {
    return Wrap("EK certificate", read.error());
  }
  if (!IsPadding(bytes.subspan(read->size))) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("EK certificate: {} bytes behind its end that are no padding",
                            bytes.size() - read->size));
  }
  const X509& certificate = *read->certificate;
  EndorsementCertificate result;
  result.der_ = ToBytes(bytes.first(read->size));
  TpmNames names = ReadTpmNames(certificate);
  result.manufacturer_ = std::move(names.manufacturer).value_or("");
  result.model_ = std::move(names.model).value_or("");
  result.version_ = std::move(names.version).value_or("");
  result.vendor_id_ = VendorIdOf(result.manufacturer_);
  result.issuer_ = NameText(X509_get_issuer_name(&certificate));
  PLIMSOLL_ASSIGN_OR_RETURN(result.not_before_, ToSeconds(X509_get0_notBefore(&certificate)));
  PLIMSOLL_ASSIGN_OR_RETURN(result.not_after_, ToSeconds(X509_get0_notAfter(&certificate)));
  PLIMSOLL_ASSIGN_OR_RETURN(const PkeyPtr key, ReadCertificateKey(certificate));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes spki, EncodeSpki(*key));
  result.key_type_ = KeyType(*key);
  result.key_sha256_ = Sha256Hex(spki);
  return result;
}

Result<EndorsementCertificate> EndorsementCertificate::ParseFile(ByteSpan bytes) {
  if (AsText(bytes).find(kPemBegin) == std::string_view::npos) {
    return Parse(bytes);
  }
  const ErrorQueueGuard guard;
  const auto certificates = ReadPemCertificates(AsText(bytes), kMaxPemBytes, kMaxPemBlocks);
  if (!certificates) {
    return Wrap("EK certificate in PEM form", certificates.error());
  }
  if (certificates->size() != 1) {
    return Fail(
        ErrorCode::kMalformed,
        fmt::format("{} certificates, and which is the EK's is not said", certificates->size()));
  }
  // Not encoded again: OpenSSL keeps what it has read.
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificates->front().get(), &der);
  const OpenSslBytesPtr owner(der);
  if (size <= 0) {
    return OpenSslFailure("read an EK certificate");
  }
  return Parse({der, static_cast<size_t>(size)});
}

bool EndorsementCertificate::IsFor(const tcg::PublicArea& ek) const {
  const auto sha256 = EndorsementKeySha256(ek);
  return sha256 && *sha256 == key_sha256_;
}

std::string FormatCertificateTime(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace plimsoll::crypto
