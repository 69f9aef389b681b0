#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "kube/transport/transport.h"

// Private to this folder: cpprest_transport.cc alone includes it.
namespace plimsoll::transport {

struct OpenSslDeleter {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(X509_STORE* x) const { X509_STORE_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free_all(x); }
};
template <class T>
using OpenSslPtr = std::unique_ptr<T, OpenSslDeleter>;

// What a connection is made with, parsed once: the library makes a new SSL_CTX for each.
// Immutable, so that all threads of the library may use it at once.
class TlsCredentials {
 public:
  // `name` is what the server's certificate must be for: a DNS name or an IPv4 address.
  static Result<TlsCredentials> Parse(const TransportOptions& options, const std::string& name);

  // Makes `context` trust our CA alone, check the name, and offer our certificate. False when
  // OpenSSL refuses; the context must not be used then.
  bool Configure(SSL_CTX* context) const;

 private:
  OpenSslPtr<X509_STORE> trusted_;
  std::vector<OpenSslPtr<X509>> certificates_;  // leaf first; empty for none
  OpenSslPtr<EVP_PKEY> key_;
  std::string name_;
  bool name_is_address_ = false;
  int min_version_ = TLS1_2_VERSION;
};

}  // namespace plimsoll::transport
