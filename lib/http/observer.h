#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace plimsoll::http {

// One answered request, for metrics and access logs. Holds nothing secret.
struct RequestRecord {
  std::string_view route;  // the pattern, so that it can be a label; empty when no route was found
                           // or the head was not understood
  Method method = Method::kOther;
  int status = 0;
  double seconds = 0;         // headers complete to answer handed to the kernel
  size_t request_bytes = 0;   // of the body
  size_t response_bytes = 0;  // of the body
  std::string_view remote_address;
};

// Why the server closed a connection that its peer had not ended.
enum class DropReason : uint8_t {
  kHandshakeFailed,  // no TLS 1.3, garbage, or hung up
  kHandshakeTimeout,
  kHeaderTimeout,
  kBodyTimeout,
  kWriteTimeout,
  kEvicted,            // the connection cap, or no file descriptor left
  kSourceLimit,        // too many unauthenticated connections of one address
  kFailedCredentials,  // too many on one connection
};

// snake_case, fit for a label.
std::string_view ToString(DropReason reason);

// Sees what a server does. Called on the server's threads, several at once; must neither block nor
// throw. A connection that idles out is no event.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnRequest(const RequestRecord& /*record*/) {}
  virtual void OnDrop(DropReason /*reason*/, std::string_view /*remote_address*/) {}
  // A handler or authenticator threw: a defect. The sender got a 500 that says nothing.
  virtual void OnDefect(std::string_view /*route*/, std::string_view /*what*/) {}
};

}  // namespace plimsoll::http
