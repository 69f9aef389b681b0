#include "kubectl-plugin/documents.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "kubectl-plugin/yaml_text.h"

namespace plimsoll::plugin {

void PrintDocument(const nlohmann::ordered_json& document, Format format,
                   const Surroundings& surroundings) {
  if (format == Format::kYaml) {
    surroundings.out << ToYaml(document);
    return;
  }
  surroundings.out << document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace)
                   << "\n";
}

}  // namespace plimsoll::plugin
