#include "http/observer.h"

namespace plimsoll::http {

std::string_view ToString(DropReason reason) {
  switch (reason) {
    case DropReason::kHandshakeFailed:
      return "handshake_failed";
    case DropReason::kHandshakeTimeout:
      return "handshake_timeout";
    case DropReason::kHeaderTimeout:
      return "header_timeout";
    case DropReason::kBodyTimeout:
      return "body_timeout";
    case DropReason::kWriteTimeout:
      return "write_timeout";
    case DropReason::kEvicted:
      return "evicted";
    case DropReason::kSourceLimit:
      return "source_limit";
    case DropReason::kFailedCredentials:
      return "failed_credentials";
  }
  return "unknown";
}

}  // namespace plimsoll::http
