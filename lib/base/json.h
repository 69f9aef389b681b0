#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace plimsoll {

struct JsonLimits {
  size_t max_bytes;
  size_t max_depth = 16;
};

// One JSON document (RFC 8259) from the network or a file, read strictly: over-long or over-deep
// input, a duplicate key in any object, bytes behind the document and invalid UTF-8 are errors
// (kTooLarge, kMalformed). Never throws, never recurses on input.
Result<nlohmann::json> ParseJson(std::string_view text, JsonLimits limits);

}  // namespace plimsoll
