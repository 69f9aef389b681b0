#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace plimsoll::telemetry {

struct CodePoint {
  char32_t value = 0;
  size_t bytes = 0;  // 0 when the text does not begin with a valid sequence (RFC 3629)
};

// The first code point of a text that is not empty.
CodePoint DecodeUtf8(std::string_view text);

// `text` with each invalid byte replaced by U+FFFD.
std::string ValidUtf8(std::string_view text);

}  // namespace plimsoll::telemetry
