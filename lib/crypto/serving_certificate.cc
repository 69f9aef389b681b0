#include <algorithm>

#include "crypto/serving_authority.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

constexpr size_t kMaxPemBytes = 65536;
constexpr size_t kMaxCertificates = 64;

bool Covers(X509& certificate, const ServingNames& names) {
  // The subject's common name is not a host name, though it looks like one.
  constexpr unsigned kFlags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
  return std::all_of(names.dns.begin(), names.dns.end(),
                     [&](const std::string& dns) {
                       return X509_check_host(&certificate, dns.data(), dns.size(), kFlags,
                                              nullptr) == 1;
                     }) &&
         std::all_of(names.ips.begin(), names.ips.end(), [&](const std::string& ip) {
           return X509_check_ip_asc(&certificate, ip.c_str(), 0) == 1;
         });
}

bool IsIssuedBy(X509& certificate, const std::vector<X509Ptr>& authorities, WallTime now) {
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (!store || !context) {
    return false;
  }
  for (const X509Ptr& authority : authorities) {
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1) {
      return false;
    }
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), &certificate, nullptr) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER) != 1) {
    return false;
  }
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()),
                             std::chrono::system_clock::to_time_t(now));
  return X509_verify_cert(context.get()) == 1;
}

}  // namespace

Result<WallTime> CertificateNotAfter(std::string_view certificate_pem) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::vector<X509Ptr> certificates,
                            ReadPemCertificates(certificate_pem, kMaxPemBytes, kMaxCertificates));
  if (certificates.empty()) {
    return Fail(ErrorCode::kMalformed, "no certificate");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const auto not_after,
                            ToSeconds(X509_get0_notAfter(certificates.front().get())));
  return ToWallTime(not_after);
}

bool IsServingCertificateFor(std::string_view certificate_pem, ByteSpan private_key_pem,
                             std::string_view ca_pem, const ServingNames& names, WallTime now) {
  const ErrorQueueGuard guard;
  const auto certificates = ReadPemCertificates(certificate_pem, kMaxPemBytes, kMaxCertificates);
  const auto authorities = ReadPemCertificates(ca_pem, kMaxPemBytes, kMaxCertificates);
  const PkeyPtr key = ReadPrivateKey(private_key_pem);
  if (!certificates || certificates->empty() || !authorities || authorities->empty() || !key) {
    return false;
  }
  X509& leaf = *certificates->front();
  return X509_check_private_key(&leaf, key.get()) == 1 && Covers(leaf, names) &&
         IsIssuedBy(leaf, *authorities, now);
}

}  // namespace plimsoll::crypto
