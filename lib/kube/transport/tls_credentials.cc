#include "kube/transport/tls_credentials.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <climits>
#include <utility>

namespace plimsoll::transport {
namespace {

OpenSslPtr<BIO> MemoryBio(const std::string& text) {
  if (text.size() > INT_MAX) {
    return nullptr;
  }
  return OpenSslPtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// An encrypted key must fail, not ask for a pass phrase on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

Result<std::vector<OpenSslPtr<X509>>> ParseCertificates(const std::string& pem, const char* what) {
  std::vector<OpenSslPtr<X509>> certificates;
  const OpenSslPtr<BIO> bio = MemoryBio(pem);
  while (bio) {
    ERR_clear_error();
    OpenSslPtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
    if (!certificate) {
      break;
    }
    certificates.push_back(std::move(certificate));
  }
  const unsigned long last = ERR_peek_last_error();
  ERR_clear_error();
  if (certificates.empty() || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    return Fail(ErrorCode::kMalformed, std::string(what) + " is not a list of PEM certificates");
  }
  return certificates;
}

}  // namespace

Result<TlsCredentials> TlsCredentials::Parse(const TransportOptions& options,
                                             const std::string& name) {
  TlsCredentials credentials;
  PLIMSOLL_ASSIGN_OR_RETURN(const auto authorities,
                            ParseCertificates(options.ca_pem, "the CA certificate"));
  credentials.trusted_.reset(X509_STORE_new());
  for (const auto& authority : authorities) {
    if (!credentials.trusted_ ||
        X509_STORE_add_cert(credentials.trusted_.get(), authority.get()) != 1) {
      return Fail(ErrorCode::kInternal, "OpenSSL does not take the CA certificate");
    }
  }
  if (options.client_certificate_pem.empty() != options.client_key_pem.empty()) {
    return Fail(ErrorCode::kMalformed,
                "a client certificate needs its key, and a key its certificate");
  }
  if (!options.client_certificate_pem.empty()) {
    PLIMSOLL_ASSIGN_OR_RETURN(
        credentials.certificates_,
        ParseCertificates(options.client_certificate_pem, "the client certificate"));
    const OpenSslPtr<BIO> bio = MemoryBio(options.client_key_pem);
    credentials.key_.reset(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr)
                               : nullptr);
    ERR_clear_error();
    if (!credentials.key_) {
      return Fail(ErrorCode::kMalformed, "the client key is not an unencrypted PEM private key");
    }
    const int matches =
        X509_check_private_key(credentials.certificates_.front().get(), credentials.key_.get());
    ERR_clear_error();
    if (matches != 1) {
      return Fail(ErrorCode::kMalformed, "the client key is not that of the client certificate");
    }
  }
  in_addr address{};
  credentials.name_ = name;
  credentials.name_is_address_ = inet_pton(AF_INET, name.c_str(), &address) == 1;
  credentials.min_version_ = options.min_tls == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  return credentials;
}

bool TlsCredentials::Configure(SSL_CTX* context) const {
  // Replaces the store in which the library has put the system's CAs.
  SSL_CTX_set1_cert_store(context, trusted_.get());
  if (SSL_CTX_set_min_proto_version(context, min_version_) != 1) {
    return false;
  }
  // The library checks the name too, but takes a certificate's CN for one.
  X509_VERIFY_PARAM* check = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(
      check, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int named = name_is_address_ ? X509_VERIFY_PARAM_set1_ip_asc(check, name_.c_str())
                                     : X509_VERIFY_PARAM_set1_host(check, name_.c_str(), 0);
  if (named != 1) {
    return false;
  }
  for (size_t i = 0; i < certificates_.size(); ++i) {
    X509* certificate = certificates_[i].get();
    if (i == 0 ? SSL_CTX_use_certificate(context, certificate) != 1
               : SSL_CTX_add1_chain_cert(context, certificate) != 1) {
      return false;
    }
  }
  return key_ == nullptr || SSL_CTX_use_PrivateKey(context, key_.get()) == 1;
}

}  // namespace plimsoll::transport
