#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "eventlog/coverage.h"
#include "eventlog/event_text.h"
#include "eventlog/facts.h"
#include "eventlog/replay.h"
#include "fakes/test_data.h"
#include "mutation/log_mutator.h"
#include "mutation/measured_machine.h"

// Boot logs of real machines, changed: by someone on the way, and by whoever rules the machine and
// lets its TPM quote as often as wanted.
namespace plimsoll::fakes {
namespace {

using appraisal::Verdict;
using nlohmann::json;
using tcg::AlgorithmId;

constexpr AlgorithmId kBank = AlgorithmId::kSha256;

std::vector<std::string> RecordedLogs() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(PLIMSOLL_SOURCE_DIR "/tests/data/event-logs")) {
    const std::string name = entry.path().filename();
    if (name != "README.md" && name != "expected.json") {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Bytes ReadLog(const std::string& name) { return ReadTestData("event-logs/" + name); }

// What a replay cannot tell apart: of each PCR the digests in their order; and of each digest the
// bytes it was made from, if the log still calls the event the same.
struct Measurement {
  Bytes digest;
  eventlog::EventType type;
  Bytes covered;
};
using Measurements = std::map<uint32_t, std::vector<Measurement>>;

Measurements MeasurementsOf(const eventlog::EventLog& log, AlgorithmId bank) {
  Measurements measurements;
  for (const eventlog::Event& event : log.events()) {
    if (event.type != eventlog::EventType::kNoAction) {
      Bytes covered = ToBytes(eventlog::CoverageOf(log, event, bank).Of(event));
      // Texts are measured with or without the NUL that ends them, whether or not it is logged.
      while (!covered.empty() && covered.back() == 0) {
        covered.pop_back();
      }
      measurements[event.pcr].push_back(
          {ToBytes(log.DigestOf(event, bank)), event.type, std::move(covered)});
    }
  }
  return measurements;
}

void ExpectSameMeasurements(const Measurements& a, const Measurements& b,
                            const std::set<uint32_t>& pcrs) {
  for (const uint32_t pcr : pcrs) {
    const auto mine = a.find(pcr);
    const auto other = b.find(pcr);
    ASSERT_EQ(mine == a.end(), other == b.end()) << pcr;
    if (mine == a.end()) {
      continue;
    }
    ASSERT_EQ(mine->second.size(), other->second.size()) << pcr;
    for (size_t i = 0; i < mine->second.size(); ++i) {
      const Measurement& x = mine->second[i];
      const Measurement& y = other->second[i];
      ASSERT_EQ(x.digest, y.digest) << pcr << ", " << i;
      if (x.type == y.type && !x.covered.empty() && !y.covered.empty()) {
        ASSERT_EQ(x.covered, y.covered) << pcr << ", " << i;
      }
    }
  }
}

// All that reads a log, for the sanitizers to watch.
void ReadAll(const eventlog::EventLog& log) {
  if (const auto bank = log.StrongestBank()) {
    EXPECT_EQ(eventlog::ReadFacts(log, *bank).event_count, log.events().size());
  }
  for (const eventlog::Event& event : log.events()) {
    EXPECT_LE(eventlog::EventText(event).size(), eventlog::kMaxEventTextBytes);
  }
}

TEST(Mutations, E60_NoChangedLogReplaysToTheRecordedPcrs) {
  const std::vector<std::string> names = RecordedLogs();
  ASSERT_GE(names.size(), 22U);
  LogMutator mutator(30);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Bytes bytes = ReadLog(name);
    const auto log = eventlog::EventLog::Parse(bytes);
    ASSERT_TRUE(log.has_value());
    const EventLogBuilder parts = EventLogBuilder::From(bytes);
    const auto bank = log->StrongestBank();
    const Measurements recorded = bank ? MeasurementsOf(*log, *bank) : Measurements();
    const auto pcrs = bank ? eventlog::ReplayBank(*log, *bank).pcrs : eventlog::Replay().pcrs;
    std::set<uint32_t> all;
    for (const auto& [pcr, list] : recorded) {
      all.insert(pcr);
    }
    const auto count = Mutants(0.26 / static_cast<double>(names.size()));
    for (size_t i = 0; i < count; ++i) {
      const Bytes bytes_of_mutant = mutator.Mutate(bytes, parts);
      const auto mutant = eventlog::EventLog::Parse(bytes_of_mutant);
      if (!mutant) {
        continue;
      }
      ReadAll(*mutant);
      if (bank && mutant->HasReplay(*bank) && eventlog::ReplayBank(*mutant, *bank).pcrs == pcrs) {
        ASSERT_NO_FATAL_FAILURE(
            ExpectSameMeasurements(recorded, MeasurementsOf(*mutant, *bank), all))
            << i;
      }
    }
  }
}

// The PCRs whose events decide something for the machine's own policies.
std::set<uint32_t> JudgedPcrs(const Bytes& log, const std::string& policies) {
  std::set<uint32_t> pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
  const auto facts = eventlog::ReadFacts(eventlog::EventLog::Parse(log).value(), kBank);
  if (policies.find("componentRoles") != std::string::npos) {
    for (const eventlog::Component& component : facts.components.items) {
      if (component.role != eventlog::Role::kOther && component.role != eventlog::Role::kFirmware) {
        pcrs.insert(component.pcr);
      }
    }
  }
  if (policies.find("kernelCommandLine") != std::string::npos) {
    for (const eventlog::CommandLine& line : facts.command_lines.items) {
      pcrs.insert(line.pcr);
    }
  }
  return pcrs;
}

bool IsTrusted(const MeasuredMachine& machine, const Bytes& log,
               const plugin::PolicySet& policies) {
  const std::string text =
      evidence::EncodeBundle(machine.Frame(), machine.Attest(log, machine.ima()));
  return JudgeBundle(text, policies) == Verdict::kTrusted;
}

// Logs of machines that something can be learnt from.
std::vector<std::string> Machines() {
  std::vector<std::string> names;
  for (const std::string& name : RecordedLogs()) {
    const Bytes bytes = ReadLog(name);
    const auto log = eventlog::EventLog::Parse(bytes);
    if (log && log->HasReplay(kBank) && !MeasuredMachine(bytes).Policies().empty()) {
      names.push_back(name);
    }
  }
  return names;
}

TEST(Mutations, E60_NoRulerOfAGoodMachineCanTellAnotherBoot) {
  const std::vector<std::string> names = Machines();
  ASSERT_GE(names.size(), 10U);
  LogMutator mutator(31);
  size_t trusted = 0;
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const MeasuredMachine machine(ReadLog(name));
    const std::string yaml = machine.Policies();
    const plugin::PolicySet policies = ReadPolicies(yaml);
    ASSERT_TRUE(IsTrusted(machine, machine.boot_log(), policies));
    const EventLogBuilder parts = EventLogBuilder::From(machine.boot_log());
    const std::set<uint32_t> judged = JudgedPcrs(machine.boot_log(), yaml);
    const Measurements recorded =
        MeasurementsOf(eventlog::EventLog::Parse(machine.boot_log()).value(), kBank);
    const auto count = Mutants(0.10 / static_cast<double>(names.size()));
    for (size_t i = 0; i < count; ++i) {
      const Bytes mutant = mutator.Mutate(machine.boot_log(), parts);
      if (IsTrusted(machine, mutant, policies)) {
        ++trusted;
        const auto log = eventlog::EventLog::Parse(mutant);
        if (!log) {
          // No log at all, which policies by values alone do not need.
          ASSERT_EQ(log.error().kind, eventlog::Refusal::Kind::kEmpty) << log.error().message;
          ASSERT_EQ(yaml.find("boot:"), std::string::npos) << yaml;
          continue;
        }
        ASSERT_NO_FATAL_FAILURE(
            ExpectSameMeasurements(recorded, MeasurementsOf(*log, kBank), judged))
            << i;
      }
    }
  }
  EXPECT_GT(trusted, 0U);  // what nothing covers may change
}

json Object(const char* kind, const char* name, json spec) {
  return {{"apiVersion", "plimsoll.dev/v1alpha1"},
          {"kind", kind},
          {"metadata", {{"name", name}}},
          {"spec", std::move(spec)}};
}

// Policies that judge by events alone, since values could not be told a lie about: each machine
// that passes the first fails the second.
struct Demand {
  const char* what;
  std::string passes;
  std::string fails;
};

std::string ByEvents(const eventlog::BootFacts& facts, const json& boot, const json& components) {
  json pcrs = json::array();
  for (uint32_t pcr = 0; pcr < 8; ++pcr) {
    if ((facts.pcrs_with_events >> pcr & 1U) != 0) {
      pcrs.push_back({{"bank", "sha256"}, {"index", pcr}, {"match", "EventLogOnly"}});
    }
  }
  json rules = boot;
  std::string text;
  if (!components.empty()) {
    text = Object("ReferenceValues", "set", {{"components", components}}).dump() + "\n---\n";
    rules["componentRefs"] = {"set"};
    rules["componentRoles"] = {"BootLoader", "Driver", "OptionROM"};
  }
  return text + Object("AttestationPolicy", "by-events",
                       {{"mode", "Enforce"},
                        {"nodeSelector", json::object()},
                        {"pcrs", pcrs},
                        {"boot", rules}})
                    .dump();
}

std::vector<Demand> Demands(const eventlog::BootFacts& facts) {
  std::vector<Demand> demands;
  const json ignored = {{"secureBoot", "Ignored"}};
  if (facts.secure_boot.state != eventlog::SecureBootState::kEnabled) {
    demands.push_back({"Secure Boot", ByEvents(facts, ignored, {}),
                       ByEvents(facts, {{"secureBoot", "Required"}}, {})});
  }
  json components = json::array();
  for (const eventlog::Component& component : facts.components.items) {
    if (component.MayHave(eventlog::Role::kBootLoader) ||
        component.MayHave(eventlog::Role::kOptionRom)) {
      const bool rom = component.pcr == 2;
      for (const char* role : {rom ? "OptionROM" : "BootLoader", rom ? "OptionROM" : "Driver"}) {
        components.push_back(
            {{"role", role},
             {"name", "c" + std::to_string(components.size())},
             {"digests", {{{"algorithm", "sha256"}, {"value", ToHex(component.digest)}}}}});
      }
    }
  }
  if (components.size() > 2) {
    json fewer = components;
    const std::string last = fewer.back()["digests"][0]["value"];
    fewer.erase(std::remove_if(fewer.begin(), fewer.end(),
                               [&last](const json& component) {
                                 return component["digests"][0]["value"] == last;
                               }),
                fewer.end());
    if (!fewer.empty()) {
      demands.push_back(
          {"components", ByEvents(facts, ignored, components), ByEvents(facts, ignored, fewer)});
    }
  }
  for (const eventlog::CommandLine& line : facts.command_lines.items) {
    const size_t at = line.text.find(' ');
    if (line.source == eventlog::CommandLineSource::kGrubKernel && line.covered &&
        at != std::string::npos) {
      const std::string word = line.text.substr(at + 1, line.text.find(' ', at + 1) - at - 1);
      const auto rule = [&](const std::string& forbidden) {
        json boot = ignored;
        boot["kernelCommandLine"] = {{"mustNotContain", {forbidden}}};
        return ByEvents(facts, boot, {});
      };
      demands.push_back({"command line", rule("rd.break"), rule(word)});
      break;
    }
  }
  return demands;
}

TEST(Mutations, E60_NoRulerOfABadMachineCanHideIt) {
  LogMutator mutator(32);
  std::map<std::string, size_t> judged;
  const std::vector<std::string> names = Machines();
  for (const std::string& name : names) {
    const MeasuredMachine machine(ReadLog(name));
    const EventLogBuilder parts = EventLogBuilder::From(machine.boot_log());
    const auto facts =
        eventlog::ReadFacts(eventlog::EventLog::Parse(machine.boot_log()).value(), kBank);
    for (const Demand& demand : Demands(facts)) {
      SCOPED_TRACE(name + ": " + demand.what);
      // Some logs are too odd for rules about events to pass at all.
      if (!IsTrusted(machine, machine.boot_log(), ReadPolicies(demand.passes))) {
        continue;
      }
      const plugin::PolicySet policies = ReadPolicies(demand.fails);
      ASSERT_FALSE(IsTrusted(machine, machine.boot_log(), policies));
      ++judged[demand.what];
      const auto count = Mutants(0.06 / static_cast<double>(2 * names.size()));
      for (size_t i = 0; i < count; ++i) {
        const Bytes mutant = mutator.Mutate(machine.boot_log(), parts);
        ASSERT_FALSE(IsTrusted(machine, mutant, policies)) << i << "\n" << demand.fails;
      }
    }
  }
  EXPECT_GE(judged["Secure Boot"], 3U);
  EXPECT_GE(judged["components"], 3U);
  EXPECT_GE(judged["command line"], 1U);
}

}  // namespace
}  // namespace plimsoll::fakes
