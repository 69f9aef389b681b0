#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kubectl-plugin/program.h"

namespace plimsoll::plugin {

enum class Format : uint8_t { kTable, kJson, kYaml };

// A document for programs, JSON (ASCII alone) or YAML, so that no character of it can mislead a
// terminal.
void PrintDocument(const nlohmann::ordered_json& document, Format format,
                   const Surroundings& surroundings);

}  // namespace plimsoll::plugin
