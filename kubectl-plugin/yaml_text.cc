#include "kubectl-plugin/yaml_text.h"

#include <nlohmann/json.hpp>

#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

bool IsBlock(const ordered_json& value) { return value.is_structured() && !value.empty(); }

// What a terminal obeys, or what misleads the eye, is written as an escape (YAML 1.2, 5.7), which
// every reader turns back.
std::string Scalar(const ordered_json& value) {
  std::string text = value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return EscapeMisleading(text);
}

// The depth is that of our own documents, never of foreign ones.
void Write(const ordered_json& value, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      out += margin + key + ":";
      if (IsBlock(member)) {
        out += "\n";
        Write(member, indent + (member.is_array() ? 0 : 2), out);
      } else {
        out += " " + Scalar(member) + "\n";
      }
    }
    return;
  }
  for (const ordered_json& item : value) {
    if (!IsBlock(item)) {
      out += margin + "- " + Scalar(item) + "\n";
      continue;
    }
    std::string block;
    Write(item, indent + 2, block);
    block[indent] = '-';
    out += block;
  }
}

}  // namespace

std::string ToYaml(const ordered_json& document) {
  std::string out;
  Write(document, 0, out);
  return out;
}

}  // namespace plimsoll::plugin
