#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace plimsoll::plugin {

// A document as block-style YAML; texts are quoted as in JSON, which every reader of YAML takes the
// same way. Empty lists and objects are written as [] and {}.
std::string ToYaml(const nlohmann::ordered_json& document);

}  // namespace plimsoll::plugin
