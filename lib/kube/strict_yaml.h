#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"

namespace plimsoll::kube {

// One YAML document as a tree in which every plain or quoted scalar is a text, and an empty one, ~
// or null is null: what a "yes" or a 0755 means is for the reader.
//
// Refused, with the line in the message: anchors and aliases (a small file could unfold to a huge
// one), duplicate and non-text keys, tags, a second document, over 1 MiB, nesting deeper than 32.
// The one file of this module that uses yaml-cpp.
Result<nlohmann::json> ParseStrictYaml(const std::string& text);

}  // namespace plimsoll::kube
