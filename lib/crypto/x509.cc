#include "crypto/x509.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "crypto/public_key.h"

namespace plimsoll::crypto {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr size_t kMaxKeyBytes = 65536;
constexpr size_t kMaxNameBytes = 1024;

size_t CountBlocks(std::string_view pem) {
  size_t count = 0;
  for (size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at + 1)) {
    ++count;
  }
  return count;
}

bool IsUnambiguous(X509& certificate) {
  return (X509_get_extension_flags(&certificate) & EXFLAG_INVALID) == 0;
}

}  // namespace

Result<ReadCertificate> ReadDerCertificate(ByteSpan bytes) {
  const ErrorQueueGuard guard;
  const unsigned char* at = bytes.data();
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(bytes.size())));
  if (!certificate || !IsUnambiguous(*certificate)) {
    return Fail(ErrorCode::kMalformed, "not a certificate");
  }
  const auto size = static_cast<size_t>(at - bytes.data());
  return ReadCertificate{std::move(certificate), size};
}

std::optional<Bytes> NextPemBlock(BIO& pem, std::string_view label) {
  unsigned char* data = nullptr;
  char* name = nullptr;
  char* header = nullptr;
  long size = 0;
  const int got = PEM_read_bio(&pem, &name, &header, &data, &size);
  const OpenSslBytesPtr data_owner(data);
  const std::unique_ptr<char, OpenSslFree> name_owner(name);
  const std::unique_ptr<char, OpenSslFree> header_owner(header);
  if (got != 1 || std::string_view(name) != label) {
    return std::nullopt;
  }
  return Bytes(data, data + size);
}

Result<std::vector<X509Ptr>> ReadPemCertificates(std::string_view pem, size_t max_bytes,
                                                 size_t max_certificates) {
  const ErrorQueueGuard guard;
  if (pem.size() > max_bytes) {
    return Fail(ErrorCode::kTooLarge, fmt::format("certificates of {} bytes", pem.size()));
  }
  const size_t count = CountBlocks(pem);
  if (count > max_certificates) {
    return Fail(ErrorCode::kTooLarge, fmt::format("{} certificates", count));
  }
  std::vector<X509Ptr> certificates;
  if (count == 0) {
    return certificates;
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) {
    return OpenSslFailure("read certificates");
  }
  while (certificates.size() < count) {
    const auto der = NextPemBlock(*bio, PEM_STRING_X509);
    if (!der) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("PEM block {} is not a certificate", certificates.size() + 1));
    }
    auto read = ReadDerCertificate(*der);
    if (!read || read->size != der->size()) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("certificate {} is damaged", certificates.size() + 1));
    }
    certificates.push_back(std::move(read->certificate));
  }
  return certificates;
}

// OpenSSL makes no key of a SubjectPublicKeyInfo whose algorithm is id-RSAES-OAEP, as old vendors
// write it (C14); the bit string is an RSAPublicKey all the same.
Result<PkeyPtr> ReadCertificateKey(const X509& certificate) {
  const ErrorQueueGuard guard;
  ASN1_OBJECT* algorithm = nullptr;
  const unsigned char* bits = nullptr;
  int size = 0;
  if (X509_PUBKEY_get0_param(&algorithm, &bits, &size, nullptr,
                             X509_get_X509_PUBKEY(&certificate)) != 1) {
    return Fail(ErrorCode::kMalformed, "the certificate has no key");
  }
  if (OBJ_obj2nid(algorithm) == NID_rsaesOaep) {
    const unsigned char* end = bits + size;
    const PkeyPtr rsa(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &bits, size));
    if (!rsa || bits != end) {
      return Fail(ErrorCode::kMalformed, "the RSAES-OAEP key is damaged");
    }
    return NormaliseKey(*rsa);
  }
  EVP_PKEY* key = X509_get0_pubkey(&certificate);
  if (key == nullptr) {
    return Fail(ErrorCode::kUnsupported, "the certificate's key is of no supported kind");
  }
  return NormaliseKey(*key);
}

std::string NameText(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) {
    ERR_clear_error();
    return "";
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, std::min(static_cast<size_t>(size), kMaxNameBytes)};
}

Result<std::chrono::sys_seconds> ToSeconds(const ASN1_TIME* time) {
  std::tm civil{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &civil) != 1) {
    return Fail(ErrorCode::kMalformed, "not a time");
  }
  const std::chrono::year_month_day day{std::chrono::year(civil.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(civil.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(civil.tm_mday))};
  return std::chrono::sys_days(day) + std::chrono::hours(civil.tm_hour) +
         std::chrono::minutes(civil.tm_min) + std::chrono::seconds(civil.tm_sec);
}

WallTime ToWallTime(std::chrono::sys_seconds time) {
  if (time >= std::chrono::floor<std::chrono::seconds>(WallTime::max())) {
    return WallTime::max();
  }
  if (time <= std::chrono::ceil<std::chrono::seconds>(WallTime::min())) {
    return WallTime::min();
  }
  return time;
}

PkeyPtr ReadPrivateKey(ByteSpan pem) {
  if (pem.size() > kMaxKeyBytes) {
    return nullptr;
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without this, OpenSSL would ask the terminal for the passphrase of an encrypted key.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  return PkeyPtr(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                     : nullptr);
}

}  // namespace plimsoll::crypto
