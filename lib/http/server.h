#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/authenticator.h"
#include "http/limits.h"
#include "http/observer.h"
#include "http/router.h"

// The inbound HTTP/1.1 server: one I/O thread that reads, times and writes, and threads for what
// may block. Nothing above this module sees Beast, asio or OpenSSL. It knows no Kubernetes and no
// TPM: who a caller is, is the Authenticator's word.
//
// The life of a request: headers (deadline, 8 KiB) -> strict checks (400, 431, 505) -> route (404,
// 405: the table is public, no credential is asked for before) -> declared size (413) ->
// Authenticator, unless the route is public (401, 403, 429, 503) -> memory (503) -> body (deadline:
// 408, 413) -> handler -> answer (deadline). An answer before the end of the body closes the
// connection.

namespace plimsoll::http {

enum class Security : uint8_t {
  kTls,    // TLS 1.3 only, with session tickets, ALPN http/1.1
  kPlain,  // health and metrics
};

struct ServerOptions {
  std::string address = "0.0.0.0";  // literal; "::" takes IPv4 too
  uint16_t port = 0;                // 0: any free one, see Server::port()
  Security security = Security::kTls;
  ServerLimits limits = {};
  std::string name = "http";  // of its threads, at most 10 characters
};

struct ServerStatistics {
  size_t connections = 0;
  size_t unauthenticated = 0;
  size_t buffered_body_bytes = 0;
};

// Thread-safe. Destruction stops it as Stop(0) does.
class Server {
 public:
  // Listens at once. With Security::kTls, connections are closed until SetServingCertificate() has
  // been called. `authenticator` may be null only if every route is public (else kUnsupported); it,
  // `clock` and `observer` (which may be null) must outlive the server. Fails with kUnavailable
  // when the address cannot be bound.
  static Result<std::unique_ptr<Server>> Create(ServerOptions options, Router router,
                                                Authenticator* authenticator, const Clock& clock,
                                                Observer* observer = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The certificate of new connections from now on: PEM, leaf first, and its PEM key. Old
  // connections go on; sessions of the old certificate are not resumed. On failure (kMalformed: not
  // PEM, key of another certificate) the present one stays.
  Status SetServingCertificate(std::string_view chain_pem, const Secret& key_pem);

  // Stops accepting, closes idle connections, lets requests in flight finish (with Connection:
  // close) until `deadline` has passed, then closes the rest. Returns when all threads have ended,
  // which a handler that blocks longer can delay. Further calls do nothing.
  void Stop(std::chrono::milliseconds deadline);

  uint16_t port() const;
  const Router& router() const;
  ServerStatistics statistics() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plimsoll::http
