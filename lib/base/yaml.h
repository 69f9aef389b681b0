#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace plimsoll {

enum class YamlScalars : uint8_t {
  kText,  // every scalar is a text: what a "yes" or a 0755 means is for the reader
  // Plain true, false and decimal integers are what they look like, as in JSON. What YAML versions
  // or readers take for different things (yes, 0755, 1.5, 1e3, 0x1F, 12:30) must be quoted.
  kTyped,
};

struct YamlLimits {
  size_t max_bytes = size_t{1} << 20;
  size_t max_documents = 1;
};

// The documents of a YAML stream as JSON trees, read strictly; ~, null and empty plain scalars are
// null. Empty documents (a file that begins with "---") are left out.
//
// Refused, with the line in the message: anchors and aliases (a small file could unfold to a huge
// one), duplicate and non-text keys, tags, nesting deeper than 32, more than the limits allow
// (kTooLarge, kMalformed). The one file of the project that uses yaml-cpp's parser.
Result<std::vector<nlohmann::json>> ParseYaml(const std::string& text, YamlScalars scalars,
                                              YamlLimits limits);

// A stream of exactly one document.
Result<nlohmann::json> ParseYamlDocument(const std::string& text, YamlScalars scalars);

}  // namespace plimsoll
