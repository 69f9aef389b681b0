#pragma once

#include <memory>
#include <tl/expected.hpp>

#include "http/message.h"

namespace plimsoll::http {

// Why a request is not let in, as the answer that its sender gets.
struct Refusal {
  Response response;  // 401, 403, 429 or 503
  // Whether the credential was bad (counts against connection and source), as opposed to: could not
  // be checked, or too many requests.
  bool counts = true;
};

using Authentication = tl::expected<std::shared_ptr<const Principal>, Refusal>;

// Finds out who sent a request, from its head alone: it is asked before the body is read, for every
// route that is not marked public. What a realm accepts is its business; a realm that it does not
// know must be refused.
//
// Called on the server's authentication threads, several at once; may block, within a deadline of
// its own. A null principal is treated as a refusal.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual Authentication Authenticate(const RequestHead& head) = 0;
};

}  // namespace plimsoll::http
