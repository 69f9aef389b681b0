#include "crypto/serving_authority.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "crypto/x509.h"

namespace plimsoll::crypto {

struct ServingAuthority::State {
  X509Ptr certificate;
  PkeyPtr key;
  std::string certificate_pem;
  WallTime not_after;
};

namespace {

using std::chrono::hours;

constexpr std::string_view kAuthorityName = "Plimsoll serving CA";
constexpr std::string_view kSubjectName = "plimsoll-controller";
constexpr hours kClockDifference{1};
constexpr hours kMaxValidity{24 * 365 * 30};
constexpr size_t kMaxPemBytes = 65536;
constexpr size_t kMaxNames = 64;

using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, Deleter<GENERAL_NAME_free>>;
using Asn1StringPtr = std::unique_ptr<ASN1_STRING, Deleter<ASN1_STRING_free>>;
using Asn1IntegerPtr = std::unique_ptr<ASN1_INTEGER, Deleter<ASN1_INTEGER_free>>;
using OctetStringPtr = std::unique_ptr<ASN1_OCTET_STRING, Deleter<ASN1_OCTET_STRING_free>>;

bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > 253) {
    return false;
  }
  size_t label = 0;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!plain && c != '.') {
      return false;
    }
    label = c == '.' ? 0 : label + 1;
    if (label > 63) {
      return false;
    }
  }
  return name.front() != '.' && name.back() != '.' && name.find("..") == std::string_view::npos;
}

Result<PkeyPtr> GenerateKey() {
  PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) {
    return OpenSslFailure("make a key");
  }
  return key;
}

Result<GeneralNamePtr> AlternativeName(int type, ASN1_STRING* value) {
  Asn1StringPtr owner(value);
  GeneralNamePtr name(GENERAL_NAME_new());
  if (!owner || !name) {
    return OpenSslFailure("make a subjectAltName");
  }
  GENERAL_NAME_set0_value(name.get(), type, owner.release());
  return name;
}

Result<GeneralNamesPtr> AlternativeNames(const ServingNames& names) {
  GeneralNamesPtr list(GENERAL_NAMES_new());
  if (!list) {
    return OpenSslFailure("make a subjectAltName");
  }
  const auto add = [&](Result<GeneralNamePtr> name) -> Status {
    if (!name) {
      return tl::unexpected(std::move(name).error());
    }
    if (sk_GENERAL_NAME_push(list.get(), name->get()) <= 0) {
      return OpenSslFailure("make a subjectAltName");
    }
    name->release();
    return {};
  };
  for (const std::string& dns : names.dns) {
    ASN1_STRING* value = IsDnsName(dns) ? ASN1_IA5STRING_new() : nullptr;
    if (value == nullptr || ASN1_STRING_set(value, dns.data(), static_cast<int>(dns.size())) != 1) {
      ASN1_STRING_free(value);
      return Fail(ErrorCode::kMalformed, "serving certificate: not a DNS name");
    }
    PLIMSOLL_RETURN_IF_ERROR(add(AlternativeName(GEN_DNS, value)));
  }
  for (const std::string& ip : names.ips) {
    ASN1_OCTET_STRING* value = a2i_IPADDRESS(ip.c_str());
    if (value == nullptr) {
      return Fail(ErrorCode::kMalformed, "serving certificate: not an IP address");
    }
    PLIMSOLL_RETURN_IF_ERROR(add(AlternativeName(GEN_IPADD, value)));
  }
  const auto count = static_cast<size_t>(sk_GENERAL_NAME_num(list.get()));
  if (count == 0 || count > kMaxNames) {
    return Fail(ErrorCode::kMalformed, fmt::format("serving certificate: {} names", count));
  }
  return list;
}

// 127 random bits: never negative, never zero, never the same again (RFC 5280, 4.1.2.2).
Status SetSerialNumber(X509& certificate) {
  std::array<uint8_t, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return OpenSslFailure("choose a serial number");
  }
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0x7FU) | 0x40U);
  const BignumPtr number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  const Asn1IntegerPtr serial(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  if (!serial || X509_set_serialNumber(&certificate, serial.get()) != 1) {
    return OpenSslFailure("choose a serial number");
  }
  return {};
}

Status AddExtension(X509& certificate, X509& issuer, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(&certificate, extension.get(), -1) != 1) {
    return OpenSslFailure("add an extension");
  }
  return {};
}

// A certificate with everything but issuer, extensions and signature.
Result<X509Ptr> BeginCertificate(EVP_PKEY& key, std::string_view subject, WallTime from,
                                 WallTime until) {
  X509Ptr certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1) {
    return OpenSslFailure("begin a certificate");
  }
  PLIMSOLL_RETURN_IF_ERROR(SetSerialNumber(*certificate));
  const auto* text = reinterpret_cast<const unsigned char*>(subject.data());
  using std::chrono::system_clock;
  if (ASN1_TIME_set(X509_getm_notBefore(certificate.get()), system_clock::to_time_t(from)) ==
          nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), system_clock::to_time_t(until)) ==
          nullptr ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                 text, static_cast<int>(subject.size()), -1, 0) != 1 ||
      X509_set_pubkey(certificate.get(), &key) != 1) {
    return OpenSslFailure("begin a certificate");
  }
  return certificate;
}

Status Sign(X509& certificate, const X509& issuer, EVP_PKEY& issuer_key) {
  // The extensions name the keys, so they come first; the signature is over all of it.
  if (X509_set_issuer_name(&certificate, X509_get_subject_name(&issuer)) != 1 ||
      X509_sign(&certificate, &issuer_key, EVP_sha256()) <= 0) {
    return OpenSslFailure("sign a certificate");
  }
  return {};
}

Result<std::string> CertificatePem(X509& certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), &certificate) != 1) {
    return OpenSslFailure("write a certificate");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

Result<Secret> EncodePrivateKey(EVP_PKEY& key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslFailure("write a private key");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return Secret(Bytes(text, text + size));
}

Status CheckValidity(hours validity) {
  if (validity <= hours(0) || validity > kMaxValidity) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("a certificate cannot be valid for {} hours", validity.count()));
  }
  return {};
}

}  // namespace

Result<ServingAuthority> ServingAuthority::Create(WallTime now, hours validity) {
  const ErrorQueueGuard guard;
  PLIMSOLL_RETURN_IF_ERROR(CheckValidity(validity));
  PLIMSOLL_ASSIGN_OR_RETURN(PkeyPtr key, GenerateKey());
  PLIMSOLL_ASSIGN_OR_RETURN(
      X509Ptr certificate,
      BeginCertificate(*key, kAuthorityName, now - kClockDifference, now + validity));
  X509& ca = *certificate;
  PLIMSOLL_RETURN_IF_ERROR(
      AddExtension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign"));
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(ca, ca, NID_subject_key_identifier, "hash"));
  PLIMSOLL_RETURN_IF_ERROR(Sign(ca, ca, *key));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string certificate_pem, CertificatePem(ca));
  PLIMSOLL_ASSIGN_OR_RETURN(const Secret key_pem, EncodePrivateKey(*key));
  return Parse(certificate_pem, key_pem.bytes());
}

Result<ServingAuthority> ServingAuthority::Parse(std::string_view certificate_pem,
                                                 ByteSpan private_key_pem) {
  const ErrorQueueGuard guard;
  PLIMSOLL_ASSIGN_OR_RETURN(std::vector<X509Ptr> certificates,
                            ReadPemCertificates(certificate_pem, kMaxPemBytes, 1));
  PkeyPtr key = ReadPrivateKey(private_key_pem);
  if (certificates.empty() || !key ||
      X509_check_private_key(certificates.front().get(), key.get()) != 1 ||
      X509_check_ca(certificates.front().get()) != 1) {
    return Fail(ErrorCode::kMalformed, "serving CA: not a CA certificate and its key");
  }
  auto state = std::make_shared<State>();
  state->certificate = std::move(certificates.front());
  state->key = std::move(key);
  state->certificate_pem = std::string(certificate_pem);
  PLIMSOLL_ASSIGN_OR_RETURN(const auto not_after,
                            ToSeconds(X509_get0_notAfter(state->certificate.get())));
  state->not_after = ToWallTime(not_after);
  return ServingAuthority(std::move(state));
}

Result<ServingCertificate> ServingAuthority::Issue(const ServingNames& names, WallTime now,
                                                   hours validity) const {
  const ErrorQueueGuard guard;
  PLIMSOLL_RETURN_IF_ERROR(CheckValidity(validity));
  PLIMSOLL_ASSIGN_OR_RETURN(const GeneralNamesPtr alternatives, AlternativeNames(names));
  PLIMSOLL_ASSIGN_OR_RETURN(const PkeyPtr key, GenerateKey());
  PLIMSOLL_ASSIGN_OR_RETURN(const X509Ptr certificate,
                            BeginCertificate(*key, kSubjectName, now - kClockDifference,
                                             std::min(now + validity, state_->not_after)));
  X509& leaf = *certificate;
  X509& ca = *state_->certificate;
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(leaf, ca, NID_basic_constraints, "critical,CA:FALSE"));
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(leaf, ca, NID_key_usage, "critical,digitalSignature"));
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(leaf, ca, NID_ext_key_usage, "serverAuth"));
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(leaf, ca, NID_subject_key_identifier, "hash"));
  PLIMSOLL_RETURN_IF_ERROR(AddExtension(leaf, ca, NID_authority_key_identifier, "keyid:always"));
  if (X509_add1_ext_i2d(&leaf, NID_subject_alt_name, alternatives.get(), 0, X509V3_ADD_DEFAULT) !=
      1) {
    return OpenSslFailure("add the names");
  }
  PLIMSOLL_RETURN_IF_ERROR(Sign(leaf, ca, *state_->key));
  ServingCertificate issued;
  PLIMSOLL_ASSIGN_OR_RETURN(issued.certificate_pem, CertificatePem(leaf));
  PLIMSOLL_ASSIGN_OR_RETURN(issued.private_key_pem, EncodePrivateKey(*key));
  return issued;
}

const std::string& ServingAuthority::certificate_pem() const { return state_->certificate_pem; }

Result<Secret> ServingAuthority::PrivateKeyPem() const {
  const ErrorQueueGuard guard;
  return EncodePrivateKey(*state_->key);
}

WallTime ServingAuthority::not_after() const { return state_->not_after; }

}  // namespace plimsoll::crypto
