#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// HTTPS as a client: what the Kubernetes client and the agent send their requests through. Knows
// nothing of Kubernetes.
namespace plimsoll::transport {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string
      path_and_query;  // begins with '/', percent-encoded; appended to the path of the base URL
  Headers headers;     // besides Authorization, Host and User-Agent, which the transport writes
  std::string body;

  // From the call to the last byte of the body; for OpenStream from the call to the end of the
  // response's header.
  std::chrono::milliseconds timeout{30'000};
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;

  // The value of the first header of that name, in any case of letters; nullptr when there is none.
  const std::string* Header(std::string_view name) const;

  // Retry-After in seconds (RFC 9110, 10.2.3), at most an hour; nullopt when absent or a date.
  std::optional<std::chrono::seconds> RetryAfter() const;
};

// A response whose body goes on as long as the server likes, as a Kubernetes watch does.
//
// Read is for one thread; Cancel may be called from any. The destructor cancels what still runs, so
// that a dropped stream leaves no connection behind.
class Stream {
 public:
  virtual ~Stream() = default;

  // Appends what has come to `out`, waiting for the first byte. The number of bytes; 0 at the
  // regular end of the body. kTimeout when nothing came for `idle` or `stop` was requested (the
  // stream is then cancelled), kUnavailable when the connection broke or the stream was cancelled.
  virtual Result<size_t> Read(std::string& out, std::chrono::milliseconds idle,
                              std::stop_token stop) = 0;

  // Ends a Read that waits in another thread, and all later ones.
  virtual void Cancel() = 0;
};

struct StreamResponse {
  HttpResponse head;               // the body is filled in only when there is no stream
  std::unique_ptr<Stream> stream;  // null when the status is not 200
};

// One server, a pool of connections to it, one set of credentials. Thread-safe; every request that
// runs at the same time takes a connection of its own.
//
// An HTTP status is never an Error: 404 and 503 are responses. Errors: kUnavailable (no connection,
// TLS refused, connection broke; Retry::kBackoff), kTimeout, kTooLarge (body over the cap),
// kMalformed (a request that cannot be written on the wire), and what the token source failed with.
//
// A request may reach the server twice when a pooled connection dies under it, whatever its method:
// send only what may be repeated. Redirects are not followed: they would carry the token to
// wherever the server points.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) = 0;
  virtual Result<StreamResponse> OpenStream(const HttpRequest& request, std::stop_token stop) = 0;
};

enum class TlsVersion { k12, k13 };

// Gives the bearer token of the next request; called once for each request, from the thread that
// sends it.
using TokenSource = std::function<Result<std::string>()>;

struct TransportOptions {
  std::string base_url;  // https://host[:port][/prefix]; the host is a DNS name or an IPv4 address
  std::string ca_pem;    // the only certificates that are trusted; the system's are not
  std::string client_certificate_pem;  // leaf first, then intermediates; empty for none
  std::string client_key_pem;
  std::string server_name;  // checked against the certificate (and sent as SNI and Host) instead of
                            // the URL's host; empty for the URL's host
  TokenSource bearer_token;  // empty for none
  std::string user_agent = "plimsoll/" PLIMSOLL_VERSION;
  size_t max_body_bytes =
      size_t{64} << 20;  // of one response; streams have no cap, since their reader frames them
  TlsVersion min_tls = TlsVersion::k12;
};

// kMalformed when the URL, a certificate or the key cannot be used. Connects only when the first
// request is sent. Destroying the transport closes its idle connections; streams must be gone
// before.
Result<std::unique_ptr<Transport>> MakeTransport(TransportOptions options);

// Sizes the process-wide pool that does the network I/O of all transports. Call once, early in main
// and before the first MakeTransport; the library's own default is 40 threads, and two are plenty:
// no thread of the pool ever waits.
void InitialiseTransportThreads(size_t threads);

}  // namespace plimsoll::transport
