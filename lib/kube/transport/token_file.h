#pragma once

#include <string>

#include "kube/transport/transport.h"

namespace plimsoll::transport {

// A token source that reads `path` for every request, since the kubelet replaces projected tokens
// when 80 % of their life have passed. White space around the token is dropped. A missing, empty or
// over-long (16 KiB) file, or a character that may not stand in a bearer token (RFC 6750, 2.1),
// fails with Retry::kRefreshCredentials.
TokenSource TokenFromFile(std::string path);

}  // namespace plimsoll::transport
