#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

// Internal to this module, like all of its headers that name asio or Beast.

namespace plimsoll::http {

// A server's TLS side: TLS 1.3 only, stateless session tickets, ALPN http/1.1 (a client that offers
// other protocols alone is refused), no early data, no client certificates.
//
// `chain_pem` is leaf first. Fails with kMalformed when it is no certificate or the key is not its.
// The result is not changed after it was made: a new certificate is a new context.
Result<std::shared_ptr<boost::asio::ssl::context>> MakeTlsContext(std::string_view chain_pem,
                                                                  ByteSpan key_pem);

}  // namespace plimsoll::http
