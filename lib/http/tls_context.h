#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // OpenSSL's SSL

// Internal to this module, like all of its headers that name asio, Beast or OpenSSL.

namespace plimsoll::http {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

// A server's TLS side: TLS 1.3 only, stateless session tickets, ALPN http/1.1 (a client that offers
// other protocols alone is refused), no early data, no client certificates.
//
// `chain_pem` is leaf first. Fails with kMalformed when it is no certificate or the key is not its.
// The result is not changed after it was made: a new certificate is a new context.
Result<TlsContext> MakeTlsContext(std::string_view chain_pem, ByteSpan key_pem);

}  // namespace plimsoll::http
