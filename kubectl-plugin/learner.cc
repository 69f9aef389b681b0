#include "kubectl-plugin/learner.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/encoding.h"

namespace plimsoll::plugin {
namespace {

using appraisal::BootEvidence;
using appraisal::Facts;
using nlohmann::ordered_json;

constexpr const char* kApiVersion = "plimsoll.dev/v1alpha1";
constexpr uint32_t kFirmwarePcrs = 8;
constexpr uint32_t kImaPcr = 10;
constexpr uint32_t kBootPcrs = 16;
// Equal on all machines of a kind; the others hold boot orders, disks and serial numbers, or change
// with what is loaded, which rules about events judge better.
constexpr std::array<uint32_t, 4> kSharedPcrs = {0, 2, 3, 7};

bool HasLogOf(const Facts& facts) {
  return facts.boot && facts.boot->state == BootEvidence::State::kReplayed && facts.boot->facts;
}

void AddList(ordered_json& spec, const char* key, ordered_json value) {
  if (!value.empty()) {
    spec[key] = std::move(value);
  }
}

ordered_json PolicySpec() {
  return {{"mode", "Enforce"}, {"nodeSelector", ordered_json::object()}};
}

}  // namespace

Learner::Learner(std::string name, std::vector<const Facts*> machines)
    : name_(std::move(name)), machines_(std::move(machines)) {
  for (const evidence::PcrValue& value : machines_.front()->pcrs) {
    if (!bank_ || tcg::DigestSize(value.bank) > tcg::DigestSize(*bank_)) {
      bank_ = value.bank;
    }
  }
  if (HasLog()) {
    bank_ = machines_.front()->boot->bank;
  }
}

// Digests of two banks do not compare.
bool Learner::HasLog() const {
  return std::all_of(machines_.begin(), machines_.end(), [this](const Facts* facts) {
    return HasLogOf(*facts) && facts->boot->bank == machines_.front()->boot->bank;
  });
}

bool Learner::HasValues() const { return bank_.has_value(); }

ordered_json Learner::Values(const std::string& description) const {
  ordered_json spec = {{"description", description}, {"pcrs", Pcrs()}};
  if (HasLog()) {
    AddList(spec, "components", Components());
    AddList(spec, "commandLines", CommandLines());
    AddList(spec, "secureBootDatabases", Databases());
  }
  return Object("ReferenceValues", std::move(spec));
}

ordered_json Learner::PolicyByEvents() const {
  ordered_json spec = PolicySpec();
  spec["pcrs"] = ordered_json::array();
  for (const evidence::PcrValue& value : machines_.front()->pcrs) {
    if (value.bank != *bank_ || value.index >= kFirmwarePcrs) {
      continue;
    }
    const bool shared =
        std::find(kSharedPcrs.begin(), kSharedPcrs.end(), value.index) != kSharedPcrs.end();
    if (shared) {
      spec["pcrs"].push_back(ByReference(value.index));
    } else if (IsExplained(value.index)) {
      spec["pcrs"].push_back(
          {{"bank", tcg::BankName(*bank_)}, {"index", value.index}, {"match", "EventLogOnly"}});
    }
  }
  ordered_json& boot = spec["boot"];
  const eventlog::BootFacts& log = *machines_.front()->boot->facts;
  boot["secureBoot"] =
      log.secure_boot.state == eventlog::SecureBootState::kEnabled ? "Required" : "Ignored";
  if (!Databases().empty()) {
    boot["databaseRefs"] = {name_};
  }
  if (const ordered_json roles = Roles(); !roles.empty()) {
    boot["componentRefs"] = {name_};
    boot["componentRoles"] = roles;
  }
  if (!CommandLines().empty()) {
    boot["kernelCommandLine"] = {{"referenceValueRefs", {name_}}};
  }
  return Object("AttestationPolicy", std::move(spec));
}

ordered_json Learner::PolicyByValues() const {
  ordered_json spec = PolicySpec();
  spec["pcrs"] = ordered_json::array();
  for (const ordered_json& pcr : Pcrs()) {
    spec["pcrs"].push_back(ByReference(pcr["index"]));
  }
  return Object("AttestationPolicy", std::move(spec));
}

ordered_json Learner::Object(const char* kind, ordered_json spec) const {
  return {{"apiVersion", kApiVersion},
          {"kind", kind},
          {"metadata", {{"name", name_}}},
          {"spec", std::move(spec)}};
}

ordered_json Learner::ByReference(uint32_t index) const {
  return {{"bank", tcg::BankName(*bank_)},
          {"index", index},
          {"match", "Reference"},
          {"referenceValueRefs", {name_}}};
}

bool Learner::IsExplained(uint32_t pcr) const {
  return HasLog() && std::all_of(machines_.begin(), machines_.end(), [&](const Facts* facts) {
           const appraisal::BankReplay* replay = facts->boot->Find(*bank_);
           return replay != nullptr && (replay->explained >> pcr & 1U) != 0 &&
                  (replay->differing >> pcr & 1U) == 0;
         });
}

// 0 to 7, and of the others those that nothing but the log's events has extended.
ordered_json Learner::Pcrs() const {
  bool firmware = false;
  std::map<uint32_t, std::set<std::string>> values;
  for (const Facts* facts : machines_) {
    for (const evidence::PcrValue& value : facts->pcrs) {
      firmware = firmware || (value.bank == *bank_ && value.index < kFirmwarePcrs);
    }
  }
  for (const Facts* facts : machines_) {
    for (const evidence::PcrValue& value : facts->pcrs) {
      const bool boot =
          value.index < kBootPcrs && value.index != kImaPcr && IsExplained(value.index);
      if (value.bank == *bank_ && (value.index < kFirmwarePcrs || boot || !firmware)) {
        values[value.index].insert(ToHex(value.digest));
      }
    }
  }
  ordered_json pcrs = ordered_json::array();
  for (const auto& [index, digests] : values) {
    pcrs.push_back({{"bank", tcg::BankName(*bank_)}, {"index", index}, {"digests", digests}});
  }
  return pcrs;
}

ordered_json Learner::Components() const {
  ordered_json components = ordered_json::array();
  std::set<std::pair<eventlog::Role, Bytes>> seen;
  for (const Facts* facts : machines_) {
    for (const eventlog::Component& component : facts->boot->facts->components.items) {
      if (!seen.insert({component.role, component.digest}).second) {
        continue;
      }
      components.push_back(
          {{"role", eventlog::ToString(component.role)},
           {"name", component.name},
           {"digests",
            {{{"algorithm", tcg::BankName(*bank_)}, {"value", ToHex(component.digest)}}}}});
    }
  }
  return components;
}

// Roles whose components were measured.
ordered_json Learner::Roles() const {
  std::set<eventlog::Role> seen;
  ordered_json roles = ordered_json::array();
  for (const Facts* facts : machines_) {
    for (const eventlog::Component& component : facts->boot->facts->components.items) {
      const bool judged =
          component.role != eventlog::Role::kOther && component.role != eventlog::Role::kFirmware;
      if (judged && seen.insert(component.role).second) {
        roles.push_back(eventlog::ToString(component.role));
      }
    }
  }
  return roles;
}

ordered_json Learner::CommandLines() const {
  std::set<std::string> seen;
  ordered_json lines = ordered_json::array();
  for (const Facts* facts : machines_) {
    for (const eventlog::CommandLine& line : facts->boot->facts->command_lines.items) {
      if (line.covered && !line.truncated &&
          line.source != eventlog::CommandLineSource::kGrubLinuxCommand &&
          seen.insert(line.text).second) {
        lines.push_back(line.text);
      }
    }
  }
  return lines;
}

// Those of the first machine: where several are joined, theirs are equal.
ordered_json Learner::Databases() const {
  const eventlog::BootFacts& log = *machines_.front()->boot->facts;
  const std::pair<const char*, const eventlog::SignatureDatabase*> all[] = {
      {"PK", &log.pk}, {"KEK", &log.kek}, {"db", &log.db}, {"dbx", &log.dbx}};
  ordered_json databases = ordered_json::object();
  for (const auto& [name, database] : all) {
    if (!database->event || !database->usable()) {
      continue;
    }
    ordered_json entries = ordered_json::array();
    for (const eventlog::SignatureEntry& entry : database->entries.items) {
      entries.push_back(ToHex(entry.value));
    }
    databases[name] = {{"match", std::string(name) == "dbx" ? "Superset" : "Exact"},
                       {"entries", std::move(entries)}};
  }
  return databases;
}

}  // namespace plimsoll::plugin
