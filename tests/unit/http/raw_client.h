#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace plimsoll::http {

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// A client that sends what it is told, byte for byte, over 127.0.0.1, so that tests can misbehave.
// Blocking; whatever waits gives up after ten seconds. Used by one thread at a time.
class RawClient {
 public:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  };
  using Session = std::unique_ptr<SSL_SESSION, SslDeleter>;

  struct TlsOptions {
    int max_version = TLS1_3_VERSION;
    SSL_SESSION* session = nullptr;  // to resume
    std::string_view alpn = {};      // in wire form
  };

  // A TCP connection; ok() is false when it was refused. `source` is an address of 127.0.0.0/8.
  explicit RawClient(uint16_t port, const std::string& source = "127.0.0.1");
  RawClient(RawClient&& other) noexcept;
  ~RawClient();

  bool ok() const { return fd_ >= 0; }

  // False when the handshake fails. Certificates are not checked: see PeerName().
  bool StartTls() { return StartTls(TlsOptions()); }
  bool StartTls(const TlsOptions& options);
  std::string PeerName() const;  // common name of the server's certificate
  std::string Protocol() const;  // by ALPN
  bool Resumed() const;
  // The session by the ticket that came with the answers read so far.
  Session TakeSession();

  // False when the peer is gone.
  bool Send(std::string_view bytes);
  // Nullopt when the connection ends or ten seconds pass first. `head_only` for answers to HEAD.
  std::optional<RawResponse> ReadResponse(bool head_only = false);
  std::optional<RawResponse> Ask(std::string_view request) {
    Send(request);
    return ReadResponse();
  }
  // Whether the peer ends the connection within `time`, whatever it sends before.
  bool ClosedWithin(std::chrono::milliseconds time);
  void HalfClose();

 private:
  // Reads more into received_; false at the end, an error or the time's end.
  bool ReadMore(std::chrono::milliseconds time);

  int fd_ = -1;
  std::unique_ptr<SSL_CTX, SslDeleter> context_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::string received_;
  bool ended_ = false;
};

}  // namespace plimsoll::http
