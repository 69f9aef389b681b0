#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace plimsoll::transport {

// A certificate with its key, both PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

// A certification authority of one test.
class TestCa {
 public:
  TestCa();
  ~TestCa();
  const std::string& pem() const { return pem_; }

  // `names` is a subjectAltName as OpenSSL writes it ("DNS:a,IP:127.0.0.1"), or empty for none.
  Identity Issue(const std::string& common_name, const std::string& names) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string pem_;
};

// One TLS connection that the server has accepted.
class TlsConnection {
 public:
  explicit TlsConnection(SSL* ssl) : ssl_(ssl) {}

  // The next request with its body; empty when the client has gone.
  std::string ReadRequest();
  bool Write(const std::string& text);

  // Waits until the client closes; for streams.
  void WaitForClose();

 private:
  SSL* ssl_;
  std::string rest_;
};

struct TlsServerOptions {
  Identity identity;
  std::string client_ca_pem = {};  // asks for a client certificate of this CA
  int max_version = 0;             // TLS1_2_VERSION; 0 for the newest
};

// An HTTPS server that does just what its handler does, each connection on a thread of its own.
class TlsServer {
 public:
  // Called for every request; false closes the connection.
  using Handler = std::function<bool(TlsConnection&, const std::string& request)>;

  TlsServer(TlsServerOptions options, Handler handler);
  ~TlsServer();

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  int accepted() const { return accepted_; }  // TCP connections
  int open() const { return open_; }          // of those, not closed yet
  std::vector<std::string> requests() const;
  std::vector<std::string> server_names() const;  // SNI of each finished handshake
  std::vector<std::string> client_subjects() const;

 private:
  void Accept();
  void Serve(int fd);

  SSL_CTX* context_;
  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> open_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::string> server_names_;
  std::vector<std::string> client_subjects_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// An HTTP/1.1 response with Content-Length.
std::string Response(int status, const std::string& body, const std::string& headers = {});

}  // namespace plimsoll::transport
