#include "appraisal/boot_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "eventlog/replay.h"

namespace plimsoll::appraisal {
namespace {

using State = BootEvidence::State;

constexpr uint32_t kFirmwarePcrs = 8;
constexpr uint32_t kUkiPcr = 11;

bool IsAll(ByteSpan digest, uint8_t byte) {
  return std::all_of(digest.begin(), digest.end(), [byte](uint8_t b) { return b == byte; });
}

// Whether the policy itself lists this very value of the PCR (detail 7).
bool Lists(const policy::CompiledPolicy& policy, tcg::AlgorithmId bank, uint32_t pcr,
           const Bytes& value) {
  return std::any_of(policy.pcr_rules().begin(), policy.pcr_rules().end(),
                     [&](const policy::CompiledPcrRule& rule) {
                       return rule.rule.bank == bank && rule.rule.index == pcr &&
                              std::any_of(rule.values.begin(), rule.values.end(),
                                          [&](const policy::ListedValue& listed) {
                                            return listed.digest == value;
                                          });
                     });
}

}  // namespace

bool WasNeverExtended(ByteSpan pcr) { return IsAll(pcr, 0x00) || IsAll(pcr, 0xFF); }

Finding& BootReader::Add(std::string_view check, std::optional<Reason> reason,
                         std::string message) {
  findings_.push_back({.check = check, .reason = reason, .message = std::move(message)});
  return findings_.back();
}

void BootReader::Match(const policy::ReferenceValues& set) {
  const auto at =
      std::lower_bound(result_.matched_sets.begin(), result_.matched_sets.end(), set.meta.name);
  if (at == result_.matched_sets.end() || *at != set.meta.name) {
    result_.matched_sets.insert(at, set.meta.name);
  }
  result_.deprecated = result_.deprecated || set.state == policy::ReferenceState::kDeprecated;
}

const Bytes* BootReader::Quoted(tcg::AlgorithmId bank, uint32_t pcr) const {
  const auto value =
      std::find_if(facts_.pcrs.begin(), facts_.pcrs.end(),
                   [&](const evidence::PcrValue& v) { return v.bank == bank && v.index == pcr; });
  return value == facts_.pcrs.end() ? nullptr : &value->digest;
}

bool BootReader::HasLog(std::string_view check) {
  if (has_log_) {
    return *has_log_;
  }
  has_log_ = false;
  if (!facts_.boot) {
    Add(check, Reason::kEvidenceExpired, "what the boot event log says is not known");
    return false;
  }
  switch (facts_.boot->state) {
    case State::kAbsent:
      Add(check, Reason::kEventLogMissing, "the policy needs the boot event log, and none came");
      break;
    case State::kEmpty:
      Add(check, Reason::kEventLogMissing,
          "the policy needs the boot event log, and the one that came is empty (Empty)");
      break;
    case State::kOtherBanks:
      Add(check, Reason::kEventLogMissing,
          fmt::format("the boot event log has digests in none of the quoted banks{}",
                      facts_.boot->detail.empty() ? "" : " (" + facts_.boot->detail + ")"));
      break;
    case State::kRejected:
      // The evidence itself is rejected, with a finding of its own.
      break;
    case State::kReplayed:
      has_log_ = facts_.boot->facts.has_value() && facts_.boot->bank.has_value();
      break;
  }
  return *has_log_;
}

bool BootReader::MayRead(uint32_t pcr) {
  const auto known = readable_.find(pcr);
  if (known != readable_.end()) {
    return known->second;
  }
  const bool readable = Judge(pcr);
  readable_.emplace(pcr, readable);
  return readable;
}

bool BootReader::Judge(uint32_t pcr) {
  const PcrReference reference{bank(), pcr};
  const std::string where = fmt::format("{} PCR {}", tcg::BankName(bank()), pcr);
  const Bytes* value = Quoted(bank(), pcr);
  if (value == nullptr) {
    Add("Q17", Reason::kWrongBank, where + " was not quoted").pcr = reference;
    return false;
  }
  if (pcr < kFirmwarePcrs && WasNeverExtended(*value) && !Lists(policy_, bank(), pcr, *value)) {
    Finding& finding = Add("Q17", Reason::kPcrMismatch,
                           where + " was never extended, so it says nothing about the boot");
    finding.pcr = reference;
    finding.observed = ToHex(*value);
    return false;
  }
  const bool phases_explain = pcr == kUkiPcr && PhasesHold(bank()).value_or(false);
  if ((replay().differing >> pcr & 1U) != 0 && !phases_explain) {
    const bool phases = pcr == kUkiPcr && !PhasesHold(bank());
    Finding& finding = Add("L1", Reason::kEventLogMismatch,
                           where +
                               " is not what the boot event log replays to, so a rule cannot "
                               "read its events" +
                               (phases ? " (where systemd-pcrphase extends it, the policy has to "
                                         "list ukiPhases)"
                                       : ""));
    finding.pcr = reference;
    finding.observed = ToHex(*value);
    finding.expected = ToHex(replay().ReplayOf(pcr));
    return false;
  }
  return IsWellFormed(pcr);
}

bool BootReader::IsWellFormed(uint32_t pcr) {
  // Of problems only notices are ever left out, so that one which is not here is not there.
  const eventlog::Problem* problem = log().FirstProblem(pcr, eventlog::Severity::kMalformed);
  if (problem != nullptr) {
    findings_.push_back(FindingOf(*problem, bank(), Reason::kEventLogMalformed));
  }
  return problem == nullptr;
}

std::optional<bool> BootReader::PhasesHold(tcg::AlgorithmId wanted) const {
  const auto& boot = policy_.spec().boot;
  if (!boot || boot->uki_phases.empty()) {
    return std::nullopt;
  }
  const Bytes* value = Quoted(wanted, kUkiPcr);
  const BankReplay* replay = facts_.boot ? facts_.boot->Find(wanted) : nullptr;
  // Without an event of systemd-stub the phases follow on nothing.
  if (value == nullptr || replay == nullptr || !replay->usable ||
      (replay->explained >> kUkiPcr & 1U) == 0) {
    return false;
  }
  const Bytes start = replay->ReplayOf(kUkiPcr);
  return std::any_of(boot->uki_phases.begin(), boot->uki_phases.end(),
                     [&](const std::string& path) {
                       return eventlog::ExtendPhases(wanted, start, path) == *value;
                     });
}

void B01_SecureBootIsEnabled(BootReader& reader) {
  constexpr uint32_t kSecureBootPcr = 7;
  if (!reader.policy().spec().boot->require_secure_boot || !reader.HasLog("B1") ||
      !reader.MayRead(kSecureBootPcr)) {
    return;
  }
  const eventlog::SecureBoot& secure_boot = reader.log().secure_boot;
  if (secure_boot.state == eventlog::SecureBootState::kEnabled) {
    return;
  }
  Finding& finding = reader.Add("B1", Reason::kSecureBootDisabled, {});
  finding = FindingOf({.check = secure_boot.check,
                       .severity = eventlog::Severity::kDenies,
                       .pcr = kSecureBootPcr,
                       .event = secure_boot.event,
                       .type = secure_boot.event_type,
                       .message = "Secure Boot is not proven to be on: " + secure_boot.why},
                      reader.bank(), Reason::kSecureBootDisabled);
  finding.observed = eventlog::ToString(secure_boot.state);
  finding.expected = "Enabled";
}

void UkiPhasesAreAccepted(BootReader& reader) {
  const auto& phases = reader.policy().spec().boot->uki_phases;
  if (phases.empty() || !reader.HasLog("L1")) {
    return;
  }
  const Bytes* value = reader.Quoted(reader.bank(), kUkiPcr);
  const PcrReference reference{reader.bank(), kUkiPcr};
  const std::string where = fmt::format("{} PCR {}", tcg::BankName(reader.bank()), kUkiPcr);
  if (value == nullptr) {
    reader.Add("Q17", Reason::kWrongBank, where + " was not quoted").pcr = reference;
    return;
  }
  if (reader.PhasesHold(reader.bank()).value_or(false)) {
    return;
  }
  const bool explained = (reader.replay().explained >> kUkiPcr & 1U) != 0;
  Finding& finding = reader.Add(
      "L1", Reason::kBootComponentNotAccepted,
      explained
          ? fmt::format("{} is not what the boot event log replays to, followed by one of {} "
                        "accepted list{} of boot phases",
                        where, phases.size(), phases.size() == 1 ? "" : "s")
          : fmt::format("the boot event log has no event of a UKI in {}, on which boot phases "
                        "would follow",
                        where));
  finding.pcr = reference;
  finding.observed = ToHex(*value);
  if (explained) {
    finding.expected = ToHex(
        eventlog::ExtendPhases(reader.bank(), reader.replay().ReplayOf(kUkiPcr), phases.front()));
  }
}

void CheckBoot(BootReader& reader) {
  const auto& boot = reader.policy().spec().boot;
  if (!boot) {
    return;
  }
  if (boot->require_event_log) {
    reader.HasLog("L13");
  }
  B01_SecureBootIsEnabled(reader);
  B06_DatabasesAreAccepted(reader);
  B03_ComponentsAreAccepted(reader);
  B07_CommandLineIsAccepted(reader);
  UkiPhasesAreAccepted(reader);
}

// EventLogOnly: whatever the PCR holds, the log explains all of it (details 6 and 14).
void CheckEventLogOnly(const policy::PcrRule& rule, BootReader& reader) {
  const PcrReference reference{rule.bank, rule.index};
  const std::string where = fmt::format("{} PCR {}", tcg::BankName(rule.bank), rule.index);
  const Bytes* value = reader.Quoted(rule.bank, rule.index);
  if (value == nullptr) {
    reader.Add("Q17", Reason::kWrongBank, where + " was not quoted").pcr = reference;
    return;
  }
  if (!reader.HasLog("L13")) {
    return;
  }
  const BankReplay* replay = reader.facts().boot->Find(rule.bank);
  std::optional<Reason> reason;
  std::string message;
  if (replay == nullptr || !replay->declared) {
    reason = Reason::kEventLogMissing;
    message = fmt::format("the boot event log has no digests in bank {}", tcg::BankName(rule.bank));
  } else if (!replay->usable) {
    reason = Reason::kEventLogMalformed;
    message = fmt::format("some event of the boot event log has no digest in bank {}",
                          tcg::BankName(rule.bank));
  } else if ((replay->explained >> rule.index & 1U) == 0) {
    reason = Reason::kEventLogMismatch;
    message = fmt::format("the boot event log has no event for {}", where);
  } else if (const auto phases =
                 rule.index == kUkiPcr ? reader.PhasesHold(rule.bank) : std::nullopt;
             !phases.value_or((replay->differing >> rule.index & 1U) == 0)) {
    reason = Reason::kEventLogMismatch;
    message = fmt::format("{} is not what the boot event log replays to", where);
  } else if (!(rule.bank == reader.bank() ? reader.MayRead(rule.index)
                                          : reader.IsWellFormed(rule.index))) {
    return;
  }
  if (reason) {
    Finding& finding = reader.Add("L13", reason, std::move(message));
    finding.pcr = reference;
    finding.observed = ToHex(*value);
    if (replay != nullptr && replay->usable) {
      finding.expected = ToHex(replay->ReplayOf(rule.index));
    }
  }
}

}  // namespace plimsoll::appraisal
