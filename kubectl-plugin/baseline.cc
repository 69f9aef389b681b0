#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/encoding.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/files.h"
#include "kubectl-plugin/offline_appraisal.h"
#include "kubectl-plugin/yaml_text.h"

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

// What one good machine teaches. Two policies can be made of it: by events where there is a log,
// and by PCR values alone.
class Learner {
 public:
  Learner(std::string name, const Facts& facts) : name_(std::move(name)), facts_(facts) {
    for (const evidence::PcrValue& value : facts.pcrs) {
      if (!bank_ || tcg::DigestSize(value.bank) > tcg::DigestSize(*bank_)) {
        bank_ = value.bank;
      }
    }
    if (HasLog()) {
      bank_ = facts.boot->bank;
    }
  }

  bool HasLog() const {
    return facts_.boot && facts_.boot->state == BootEvidence::State::kReplayed &&
           facts_.boot->facts;
  }
  bool HasValues() const { return bank_.has_value(); }

  ordered_json Values() const {
    ordered_json spec = {{"description", "learnt from one machine; look at it before it decides"},
                         {"pcrs", Pcrs()}};
    if (HasLog()) {
      AddList(spec, "components", Components());
      AddList(spec, "commandLines", CommandLines());
      AddList(spec, "secureBootDatabases", Databases());
    }
    return Object("ReferenceValues", std::move(spec));
  }

  ordered_json PolicyByEvents() const {
    ordered_json spec = PolicySpec();
    spec["pcrs"] = ordered_json::array();
    for (const evidence::PcrValue& value : facts_.pcrs) {
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
    const eventlog::BootFacts& log = *facts_.boot->facts;
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

  ordered_json PolicyByValues() const {
    ordered_json spec = PolicySpec();
    spec["pcrs"] = ordered_json::array();
    for (const ordered_json& pcr : Pcrs()) {
      spec["pcrs"].push_back(ByReference(pcr["index"]));
    }
    return Object("AttestationPolicy", std::move(spec));
  }

 private:
  ordered_json Object(const char* kind, ordered_json spec) const {
    return {{"apiVersion", kApiVersion},
            {"kind", kind},
            {"metadata", {{"name", name_}}},
            {"spec", std::move(spec)}};
  }

  static void AddList(ordered_json& spec, const char* key, ordered_json value) {
    if (!value.empty()) {
      spec[key] = std::move(value);
    }
  }

  static ordered_json PolicySpec() {
    return {{"mode", "Enforce"}, {"nodeSelector", ordered_json::object()}};
  }

  ordered_json ByReference(uint32_t index) const {
    return {{"bank", tcg::BankName(*bank_)},
            {"index", index},
            {"match", "Reference"},
            {"referenceValueRefs", {name_}}};
  }

  const appraisal::BankReplay* Replay() const {
    return HasLog() ? facts_.boot->Find(*bank_) : nullptr;
  }
  bool IsExplained(uint32_t pcr) const {
    const auto* replay = Replay();
    return replay != nullptr && (replay->explained >> pcr & 1U) != 0 &&
           (replay->differing >> pcr & 1U) == 0;
  }

  // 0 to 7, and of the others those that nothing but the log's events has extended.
  ordered_json Pcrs() const {
    ordered_json pcrs = ordered_json::array();
    bool firmware = false;
    for (const evidence::PcrValue& value : facts_.pcrs) {
      firmware = firmware || (value.bank == *bank_ && value.index < kFirmwarePcrs);
    }
    for (const evidence::PcrValue& value : facts_.pcrs) {
      const bool boot =
          value.index < kBootPcrs && value.index != kImaPcr && IsExplained(value.index);
      if (value.bank == *bank_ && (value.index < kFirmwarePcrs || boot || !firmware)) {
        pcrs.push_back({{"bank", tcg::BankName(value.bank)},
                        {"index", value.index},
                        {"digests", {ToHex(value.digest)}}});
      }
    }
    return pcrs;
  }

  ordered_json Components() const {
    ordered_json components = ordered_json::array();
    std::set<std::pair<eventlog::Role, Bytes>> seen;
    for (const eventlog::Component& component : facts_.boot->facts->components.items) {
      if (!seen.insert({component.role, component.digest}).second) {
        continue;
      }
      components.push_back(
          {{"role", eventlog::ToString(component.role)},
           {"name", component.name},
           {"digests",
            {{{"algorithm", tcg::BankName(*bank_)}, {"value", ToHex(component.digest)}}}}});
    }
    return components;
  }

  // Roles whose components were measured.
  ordered_json Roles() const {
    std::set<eventlog::Role> seen;
    ordered_json roles = ordered_json::array();
    for (const eventlog::Component& component : facts_.boot->facts->components.items) {
      const bool judged =
          component.role != eventlog::Role::kOther && component.role != eventlog::Role::kFirmware;
      if (judged && seen.insert(component.role).second) {
        roles.push_back(eventlog::ToString(component.role));
      }
    }
    return roles;
  }

  ordered_json CommandLines() const {
    std::set<std::string> seen;
    ordered_json lines = ordered_json::array();
    for (const eventlog::CommandLine& line : facts_.boot->facts->command_lines.items) {
      if (line.covered && !line.truncated &&
          line.source != eventlog::CommandLineSource::kGrubLinuxCommand &&
          seen.insert(line.text).second) {
        lines.push_back(line.text);
      }
    }
    return lines;
  }

  ordered_json Databases() const {
    const eventlog::BootFacts& log = *facts_.boot->facts;
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

  std::string name_;
  const Facts& facts_;
  std::optional<tcg::AlgorithmId> bank_;
};

// Whether the bundle is Trusted under what was learnt from it.
bool PassesItsOwn(const evidence::BundleDocument& bundle, const std::string& yaml,
                  const Surroundings& surroundings) {
  const auto policies = ReadPolicyText(yaml, "baseline", surroundings);
  if (!policies) {
    return false;
  }
  const auto appraisal = AppraiseBundle(bundle, *policies, surroundings.clock);
  return appraisal && appraisal->verdict == appraisal::Verdict::kTrusted;
}

}  // namespace

int Baseline(const BaselineOptions& options, const Surroundings& surroundings) {
  const auto bundle = ReadBundle(options.bundle, surroundings);
  if (!bundle) {
    return Unusable(bundle.error(), surroundings);
  }
  const auto appraisal = AppraiseBundle(*bundle, {}, surroundings.clock);
  if (!appraisal) {
    return Unusable(appraisal.error(), surroundings);
  }
  if (appraisal->reason != appraisal::Reason::kNoEnforcingPolicy || !appraisal->facts) {
    surroundings.err << fmt::format("kubectl plimsoll: {}: nothing can be learnt from it: {}: {}\n",
                                    options.bundle, appraisal::ToString(appraisal->reason),
                                    appraisal->message);
    return kExitUntrusted;
  }
  const std::string name =
      options.name.empty() ? "baseline-" + bundle->frame().node_name : options.name;
  const Learner learner(name, *appraisal->facts);
  if (!learner.HasValues()) {
    surroundings.err << "kubectl plimsoll: no PCR was quoted\n";
    return kExitUntrusted;
  }
  const std::string values = ToYaml(learner.Values());
  std::string policy;
  for (const bool by_events : {true, false}) {
    if (by_events && !learner.HasLog()) {
      continue;
    }
    policy = ToYaml(by_events ? learner.PolicyByEvents() : learner.PolicyByValues());
    if (PassesItsOwn(*bundle, values + "---\n" + policy, surroundings)) {
      surroundings.out << values;
      if (!options.values_only) {
        surroundings.out << "---\n" << policy;
      }
      return kExitTrusted;
    }
  }
  surroundings.err
      << "kubectl plimsoll: the machine would not pass under what was learnt from it\n";
  return kExitUntrusted;
}

}  // namespace plimsoll::plugin
