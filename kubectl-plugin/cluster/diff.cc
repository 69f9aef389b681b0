#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/facts_diff.h"
#include "kubectl-plugin/cluster/node_facts.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

std::string OrNone(const ordered_json& value) {
  const std::string text = value.get<std::string>();
  return text.empty() ? "none" : text;
}

// Prints "- LEFT" and "+ RIGHT" lines, as diff does.
class Screen {
 public:
  Screen(const DiffOptions& options, const Surroundings& surroundings)
      : options_(options), out_(surroundings.out) {}

  void Print(const ordered_json& diff) {
    out_.Line("--- " + options_.left);
    out_.Line("+++ " + options_.right);
    const std::pair<const char*, const char*> values[] = {{"eventLog", "EVENT LOG"},
                                                          {"secureBoot", "SECURE BOOT"},
                                                          {"firmwareVersion", "FIRMWARE VERSION"},
                                                          {"tpmFirmware", "TPM FIRMWARE"},
                                                          {"sbatLevel", "SBAT LEVEL"}};
    for (const auto& [key, head] : values) {
      if (diff.contains(key)) {
        Head(head);
        Change(OrNone(diff[key]["left"]), OrNone(diff[key]["right"]));
      }
    }
    if (diff.contains("databases")) {
      for (const auto& [name, difference] : diff["databases"].items()) {
        Head("DATABASE " + name);
        Sets(difference);
      }
    }
    for (const ordered_json& component : diff.value("components", ordered_json::array())) {
      const std::string name = component["name"].get<std::string>();
      Head(component["role"].get<std::string>() + " " + (name.empty() ? "(without a name)" : name));
      Events("- ", component["left"]);
      Events("+ ", component["right"]);
    }
    if (diff.contains("commandLines")) {
      Head("KERNEL COMMAND LINE");
      Sets(diff["commandLines"]);
      if (diff.contains("arguments")) {
        out_.Line("  of which");
        Sets(diff["arguments"]);
      }
    }
    for (const ordered_json& pcr : diff.value("pcrs", ordered_json::array())) {
      Head(
          fmt::format("PCR {} ({})", pcr["index"].get<uint32_t>(), pcr["bank"].get<std::string>()));
      Change(OrNone(pcr["left"]), OrNone(pcr["right"]));
    }
  }

 private:
  void Head(const std::string& head) {
    out_.Line();
    out_.Line(head);
  }
  void Change(const std::string& left, const std::string& right) {
    out_.Line("- " + left);
    out_.Line("+ " + right);
  }
  void Sets(const ordered_json& difference) {
    for (const ordered_json& item : difference["onlyLeft"]) {
      out_.Line("- " + item.get<std::string>());
    }
    for (const ordered_json& item : difference["onlyRight"]) {
      out_.Line("+ " + item.get<std::string>());
    }
  }
  void Events(std::string_view sign, const ordered_json& events) {
    for (const ordered_json& event : events) {
      out_.Line(fmt::format("{}event {}: {}", sign, event["event"].get<uint32_t>(),
                            event["digest"].get<std::string>()));
    }
  }

  const DiffOptions& options_;
  Printer out_;
};

}  // namespace

int Diff(const DiffOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto left = ReadNodeFacts(*connection, options.left);
  if (!left) {
    return Failed(left.error(), surroundings);
  }
  const auto right = ReadNodeFacts(*connection, options.right);
  if (!right) {
    return Failed(right.error(), surroundings);
  }
  const ordered_json diff = DiffFacts(left->facts, right->facts);
  if (options.format != Format::kTable) {
    ordered_json document = {
        {"left", options.left}, {"right", options.right}, {"equal", diff.empty()}};
    document["differences"] = diff;
    PrintDocument(document, options.format, surroundings);
  } else if (diff.empty()) {
    Printer(surroundings.out).Line("No difference in what they booted.");
  } else {
    Screen(options, surroundings).Print(diff);
  }
  return diff.empty() ? kExitTrusted : kExitUntrusted;
}

}  // namespace plimsoll::plugin
