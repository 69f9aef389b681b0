#include "http/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <limits>
#include <string>

namespace plimsoll::http {
namespace {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

constexpr std::string_view kAlpnHttp11 = "\x08http/1.1";
constexpr std::string_view kSessionIdContext = "plimsoll";
// Longer than the longest interval between two rounds of an agent.
constexpr long kSessionLifetimeSeconds = 2 * 60 * 60;

tl::unexpected<Error> Refuse(std::string what) {
  // The queue belongs to the thread: what is left in it would be blamed on the next caller.
  ERR_clear_error();
  return Fail(ErrorCode::kMalformed, std::move(what));
}

Owned<BIO> Reader(ByteSpan text) {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return nullptr;
  }
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without this OpenSSL asks the terminal for the password of an encrypted key.
int NoPassword(char* /*buffer*/, int /*size*/, int /*for_writing*/, void* /*context*/) { return 0; }

int SelectProtocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned offered_size, void* /*context*/) {
  unsigned char* match = nullptr;
  const int result = SSL_select_next_proto(
      &match, chosen_size, reinterpret_cast<const unsigned char*>(kAlpnHttp11.data()),
      static_cast<unsigned>(kAlpnHttp11.size()), offered, offered_size);
  *chosen = match;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Status UseChain(SSL_CTX* context, std::string_view chain_pem) {
  const Owned<BIO> bio = Reader(AsBytes(chain_pem));
  const Owned<X509> leaf(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Refuse("serving certificate is not a PEM certificate");
  }
  while (Owned<X509> issuer{PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) {
      return Refuse("serving certificate chain cannot be used");
    }
  }
  const unsigned long end = ERR_peek_last_error();
  if (ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    return Refuse("serving certificate chain is not PEM to its end");
  }
  ERR_clear_error();
  return {};
}

Status UseKey(SSL_CTX* context, ByteSpan key_pem) {
  const Owned<BIO> bio = Reader(key_pem);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (!key) {
    return Refuse("serving key is not a PEM private key");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Refuse("serving key is not that of the serving certificate");
  }
  return {};
}

}  // namespace

Result<TlsContext> MakeTlsContext(std::string_view chain_pem, ByteSpan key_pem) {
  TlsContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  SSL_CTX* const native = context.get();
  if (native == nullptr) {
    return Refuse("no TLS context is to be had");
  }
  ERR_clear_error();
  if (SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_num_tickets(native, 1) != 1 ||
      SSL_CTX_set_session_id_context(
          native, reinterpret_cast<const unsigned char*>(kSessionIdContext.data()),
          static_cast<unsigned>(kSessionIdContext.size())) != 1) {
    return Refuse("TLS 1.3 is not to be had");
  }
  SSL_CTX_set_timeout(native, kSessionLifetimeSeconds);
  // Idle connections hold no record buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One record at a time, so that a peer with an endless row of key updates cannot hold the thread.
  SSL_CTX_clear_mode(native, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(native, SelectProtocol, nullptr);
  PLIMSOLL_RETURN_IF_ERROR(UseChain(native, chain_pem));
  PLIMSOLL_RETURN_IF_ERROR(UseKey(native, key_pem));
  return context;
}

}  // namespace plimsoll::http
