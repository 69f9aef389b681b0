#include "kubectl-plugin/cluster/facts_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/encoding.h"

namespace plimsoll::plugin {
namespace {

using appraisal::Facts;
using eventlog::BootFacts;
using nlohmann::ordered_json;

constexpr uint32_t kImaPcr = 10;

const BootFacts* LogOf(const Facts& facts) {
  return facts.boot && facts.boot->facts ? &*facts.boot->facts : nullptr;
}

void Compare(ordered_json& diff, const char* key, const std::string& left,
             const std::string& right) {
  if (left != right) {
    diff[key] = {{"left", left}, {"right", right}};
  }
}

template <class Set>
ordered_json OnlyIn(const Set& these, const Set& those) {
  ordered_json only = ordered_json::array();
  for (const auto& item : these) {
    if (those.count(item) == 0) {
      only.push_back(item);
    }
  }
  return only;
}

// {"onlyLeft", "onlyRight"}; null where both are equal.
ordered_json CompareSets(const std::set<std::string>& left, const std::set<std::string>& right) {
  if (left == right) {
    return nullptr;
  }
  return {{"onlyLeft", OnlyIn(left, right)}, {"onlyRight", OnlyIn(right, left)}};
}

ordered_json ComparePcrs(const Facts& left, const Facts& right) {
  std::map<std::pair<uint16_t, uint32_t>, std::pair<std::string, std::string>> values;
  for (const evidence::PcrValue& pcr : left.pcrs) {
    values[{static_cast<uint16_t>(pcr.bank), pcr.index}].first = ToHex(pcr.digest);
  }
  for (const evidence::PcrValue& pcr : right.pcrs) {
    values[{static_cast<uint16_t>(pcr.bank), pcr.index}].second = ToHex(pcr.digest);
  }
  ordered_json pcrs = ordered_json::array();
  for (const auto& [key, both] : values) {
    if (both.first != both.second && key.second != kImaPcr) {
      pcrs.push_back({{"bank", tcg::BankName(static_cast<tcg::AlgorithmId>(key.first))},
                      {"index", key.second},
                      {"left", both.first},
                      {"right", both.second}});
    }
  }
  return pcrs;
}

std::set<std::string> EntriesOf(const eventlog::SignatureDatabase& database) {
  std::set<std::string> entries;
  for (const eventlog::SignatureEntry& entry : database.entries.items) {
    entries.insert(fmt::format("{} {}", eventlog::ToString(entry.kind), ToHex(entry.value)));
  }
  if (!database.event) {
    entries.insert("(not measured)");
  } else if (!database.usable()) {
    entries.insert("(cannot be read)");
  }
  return entries;
}

ordered_json CompareDatabases(const BootFacts& left, const BootFacts& right) {
  ordered_json databases = ordered_json::object();
  const std::pair<const char*, eventlog::SignatureDatabase BootFacts::*> all[] = {
      {"PK", &BootFacts::pk},
      {"KEK", &BootFacts::kek},
      {"db", &BootFacts::db},
      {"dbx", &BootFacts::dbx}};
  for (const auto& [name, member] : all) {
    ordered_json difference = CompareSets(EntriesOf(left.*member), EntriesOf(right.*member));
    if (!difference.is_null()) {
      databases[name] = std::move(difference);
    }
  }
  return databases;
}

using ComponentKey = std::pair<std::string, std::string>;  // role, name

std::map<ComponentKey, ordered_json> ComponentsOf(const BootFacts& facts) {
  std::map<ComponentKey, ordered_json> components;
  for (const eventlog::Component& component : facts.components.items) {
    ordered_json& list =
        components[{std::string(eventlog::ToString(component.role)), component.name}];
    list = list.is_null() ? ordered_json::array() : std::move(list);
    list.push_back({{"event", component.event}, {"digest", ToHex(component.digest)}});
  }
  return components;
}

// Whether the same was measured, wherever in the log.
bool SameDigests(const ordered_json& left, const ordered_json& right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](const auto& a, const auto& b) { return a["digest"] == b["digest"]; });
}

ordered_json CompareComponents(const BootFacts& left, const BootFacts& right) {
  auto of_left = ComponentsOf(left);
  auto of_right = ComponentsOf(right);
  std::set<ComponentKey> keys;
  for (const auto& [key, list] : of_left) {
    keys.insert(key);
  }
  for (const auto& [key, list] : of_right) {
    keys.insert(key);
  }
  ordered_json components = ordered_json::array();
  for (const ComponentKey& key : keys) {
    ordered_json a = of_left.count(key) != 0 ? of_left[key] : ordered_json::array();
    ordered_json b = of_right.count(key) != 0 ? of_right[key] : ordered_json::array();
    if (!SameDigests(a, b)) {
      components.push_back({{"role", key.first},
                            {"name", key.second},
                            {"left", std::move(a)},
                            {"right", std::move(b)}});
    }
  }
  return components;
}

std::set<std::string> LinesOf(const BootFacts& facts) {
  std::set<std::string> lines;
  for (const eventlog::CommandLine& line : facts.command_lines.items) {
    if (line.source != eventlog::CommandLineSource::kGrubLinuxCommand) {
      lines.insert(line.text.empty() ? "digest " + ToHex(line.digest) : line.text);
    }
  }
  return lines;
}

std::set<std::string> ArgumentsOf(const std::set<std::string>& lines) {
  std::set<std::string> arguments;
  for (const std::string& line : lines) {
    for (size_t begin = 0; begin < line.size();) {
      const size_t end = std::min(line.find(' ', begin), line.size());
      if (end > begin) {
        arguments.insert(line.substr(begin, end - begin));
      }
      begin = end + 1;
    }
  }
  return arguments;
}

void CompareLogs(ordered_json& diff, const BootFacts& left, const BootFacts& right) {
  Compare(diff, "secureBoot", std::string(eventlog::ToString(left.secure_boot.state)),
          std::string(eventlog::ToString(right.secure_boot.state)));
  Compare(diff, "firmwareVersion", left.firmware_version, right.firmware_version);
  Compare(diff, "sbatLevel", left.sbat_level ? left.sbat_level->text : "",
          right.sbat_level ? right.sbat_level->text : "");
  if (ordered_json databases = CompareDatabases(left, right); !databases.empty()) {
    diff["databases"] = std::move(databases);
  }
  if (ordered_json components = CompareComponents(left, right); !components.empty()) {
    diff["components"] = std::move(components);
  }
  const auto lines = std::pair(LinesOf(left), LinesOf(right));
  if (ordered_json whole = CompareSets(lines.first, lines.second); !whole.is_null()) {
    diff["commandLines"] = std::move(whole);
    ordered_json arguments = CompareSets(ArgumentsOf(lines.first), ArgumentsOf(lines.second));
    if (!arguments.is_null()) {
      diff["arguments"] = std::move(arguments);
    }
  }
}

// PCRs that a difference listed elsewhere explains: 7 holds databases and Secure Boot, 2 and 4 what
// is loaded, 8, 9, 11 and 12 kernel, initrd and command lines.
bool IsExplained(uint32_t pcr, const ordered_json& diff) {
  switch (pcr) {
    case 7:
      return diff.contains("secureBoot") || diff.contains("databases");
    case 2:
    case 4:
    case 9:
    case 11:
      return diff.contains("components");
    case 8:
    case 12:
      return diff.contains("commandLines");
    default:
      return false;
  }
}

}  // namespace

ordered_json DiffFacts(const Facts& left, const Facts& right) {
  ordered_json diff = ordered_json::object();
  if (ordered_json pcrs = ComparePcrs(left, right); !pcrs.empty()) {
    diff["pcrs"] = std::move(pcrs);
  }
  Compare(diff, "tpmFirmware", left.firmware ? left.firmware->ToText() : "",
          right.firmware ? right.firmware->ToText() : "");
  Compare(diff, "eventLog",
          std::string(left.boot ? appraisal::ToString(left.boot->state) : "Absent"),
          std::string(right.boot ? appraisal::ToString(right.boot->state) : "Absent"));
  const BootFacts* left_log = LogOf(left);
  const BootFacts* right_log = LogOf(right);
  if (left_log != nullptr && right_log != nullptr) {
    CompareLogs(diff, *left_log, *right_log);
  }
  return diff;
}

std::vector<std::string> DifferencesInWords(const ordered_json& diff) {
  std::vector<std::string> words;
  const std::pair<const char*, const char*> values[] = {{"secureBoot", "Secure Boot"},
                                                        {"eventLog", "event log"},
                                                        {"firmwareVersion", "firmware version"},
                                                        {"tpmFirmware", "TPM firmware"},
                                                        {"sbatLevel", "SBAT level"}};
  for (const auto& [key, name] : values) {
    if (diff.contains(key)) {
      words.push_back(fmt::format("{} {} instead of {}", name,
                                  diff[key]["right"].get<std::string>(),
                                  diff[key]["left"].get<std::string>()));
    }
  }
  if (diff.contains("databases")) {
    for (const auto& [name, difference] : diff["databases"].items()) {
      words.push_back(fmt::format("{} (+{} -{} entries)", name, difference["onlyRight"].size(),
                                  difference["onlyLeft"].size()));
    }
  }
  if (diff.contains("components")) {
    for (const ordered_json& component : diff["components"]) {
      const bool only_left = component["right"].empty();
      const bool only_right = component["left"].empty();
      words.push_back(fmt::format("{}{} {}",
                                  only_left    ? "no "
                                  : only_right ? "also "
                                               : "other ",
                                  component["role"].get<std::string>(),
                                  component["name"].get<std::string>()));
    }
  }
  if (diff.contains("arguments")) {
    for (const ordered_json& argument : diff["arguments"]["onlyRight"]) {
      words.push_back("argument " + argument.get<std::string>());
    }
    for (const ordered_json& argument : diff["arguments"]["onlyLeft"]) {
      words.push_back("no argument " + argument.get<std::string>());
    }
  }
  std::set<uint32_t> pcrs;
  for (const ordered_json& pcr : diff.value("pcrs", ordered_json::array())) {
    const auto index = pcr["index"].get<uint32_t>();
    if (!IsExplained(index, diff) && pcrs.insert(index).second) {
      words.push_back(fmt::format("PCR {}", index));
    }
  }
  return words;
}

}  // namespace plimsoll::plugin
