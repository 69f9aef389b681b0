#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plimsoll::kube {

// Foreign UTF-8 text made fit for a log line or an object: control characters become spaces, and it
// is cut to `max_bytes` without splitting a character.
std::string CutText(std::string_view text, size_t max_bytes);

// Everything but RFC 3986's unreserved characters percent-encoded.
std::string PercentEncode(std::string_view text);

}  // namespace plimsoll::kube
