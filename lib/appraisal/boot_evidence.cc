#include "appraisal/boot_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "eventlog/event_log.h"
#include "eventlog/replay.h"

namespace plimsoll::appraisal {
namespace {

using State = BootEvidence::State;

constexpr uint32_t kImaPcr = 10;
constexpr uint32_t kFirmwarePcrs = 8;  // 0 to 7: nobody but firmware and boot loaders extends them
constexpr uint32_t kBootPcrs = 16;     // 8 to 15: an operating system may go on extending them
constexpr size_t kMaxRemarks = 16;

using QuotedBanks = std::map<tcg::AlgorithmId, std::map<uint32_t, ByteSpan>>;

QuotedBanks BanksOf(const evidence::Evidence& evidence) {
  QuotedBanks banks;
  for (const evidence::PcrValue& value : evidence.pcrs) {
    banks[value.bank][value.index] = value.digest;
  }
  return banks;
}

void Reject(Findings& findings, std::string_view check, Reason reason, std::string message) {
  findings.push_back({.check = check, .reason = reason, .message = std::move(message)});
}

// Whether the log is the one that the quote signs; a finding when it is not (detail 5).
bool IsTheStatementsLog(ByteSpan log, ByteSpan sha256,
                        const std::optional<evidence::Statement>& statement, Findings& findings) {
  if (!statement) {
    return true;  // recorded elsewhere: judged by replay alone
  }
  if (!statement->boot_event_log) {
    Reject(findings, "L1", Reason::kEventLogMismatch,
           "there is a boot event log that the quoted statement does not name");
    return false;
  }
  if (statement->boot_event_log->size != log.size() ||
      !std::equal(sha256.begin(), sha256.end(), statement->boot_event_log->sha256.begin(),
                  statement->boot_event_log->sha256.end())) {
    Reject(findings, "L1", Reason::kEventLogMismatch,
           "the boot event log is not the one that the quoted statement names");
    return false;
  }
  return true;
}

// Compares one quoted bank with the log's replay of it.
BankReplay Compare(const eventlog::EventLog& log, tcg::AlgorithmId bank,
                   const std::map<uint32_t, ByteSpan>& quoted) {
  BankReplay result;
  result.bank = bank;
  const eventlog::Replay replay = eventlog::ReplayBank(log, bank);
  result.declared = replay.declared;
  result.usable = replay.usable();
  for (uint32_t pcr = 0; pcr < eventlog::kPcrCount; ++pcr) {
    if (replay.pcrs[pcr]) {
      result.explained |= 1U << pcr;
      result.replayed[pcr] = *replay.pcrs[pcr];
    }
  }
  for (const auto& [pcr, value] : quoted) {
    if (pcr >= eventlog::kPcrCount) {
      continue;
    }
    result.quoted |= 1U << pcr;
    const Bytes replayed = result.ReplayOf(pcr);
    const bool equal = std::equal(replayed.begin(), replayed.end(), value.begin(), value.end());
    if (result.usable && pcr < kBootPcrs && pcr != kImaPcr && !equal) {
      result.differing |= 1U << pcr;
    }
  }
  return result;
}

void FindDifferences(const BankReplay& replay, const std::map<uint32_t, ByteSpan>& quoted,
                     Findings& findings) {
  for (const auto& [pcr, value] : quoted) {
    if (pcr >= kBootPcrs || (replay.differing >> pcr & 1U) == 0) {
      continue;
    }
    const bool explained = (replay.explained >> pcr & 1U) != 0;
    Finding finding{.check = explained ? "L1" : "L13", .reason = std::nullopt};
    finding.pcr = PcrReference{replay.bank, pcr};
    finding.observed = ToHex(value);
    finding.expected = ToHex(replay.ReplayOf(pcr));
    const std::string where = fmt::format("{} PCR {}", tcg::BankName(replay.bank), pcr);
    if (pcr < kFirmwarePcrs) {
      finding.reason = Reason::kEventLogMismatch;
      finding.message = explained
                            ? where + " is not what the boot event log replays to"
                            : where + " was extended, but the boot event log has no event for it";
    } else {
      finding.message = where +
                        " is not what the boot event log replays to: something extended it that "
                        "the log does not hold";
    }
    findings.push_back(std::move(finding));
  }
}

void AddNotices(const eventlog::BootFacts& facts, Findings& findings) {
  size_t remarks = 0;
  for (const eventlog::Problem& problem : facts.problems.items) {
    if (problem.severity == eventlog::Severity::kNotice && remarks < kMaxRemarks) {
      ++remarks;
      findings.push_back(FindingOf(problem, facts.bank, std::nullopt));
    }
  }
}

// The bank that event rules judge by.
std::optional<tcg::AlgorithmId> Strongest(const std::vector<BankReplay>& banks) {
  std::optional<tcg::AlgorithmId> strongest;
  for (const BankReplay& bank : banks) {
    if (bank.usable && (!strongest || tcg::DigestSize(bank.bank) > tcg::DigestSize(*strongest))) {
      strongest = bank.bank;
    }
  }
  return strongest;
}

// A bank beside the one that is judged.
void NoteVoidBanks(const BootEvidence& boot, Findings& findings) {
  for (const BankReplay& bank : boot.banks) {
    if (bank.declared && !bank.usable) {
      findings.push_back(
          {.check = "L6",
           .reason = std::nullopt,
           .message = fmt::format("some event of the boot event log has no digest in bank {}: "
                                  "events are judged in {}",
                                  tcg::BankName(bank.bank), tcg::BankName(*boot.bank))});
    }
  }
}

void Replay(const eventlog::EventLog& log, const evidence::Evidence& evidence, BootEvidence& boot,
            Findings& findings) {
  if (log.format() == eventlog::Format::kTpm12) {
    boot.detail = eventlog::ToString(log.format());
  }
  for (const auto& [bank, values] : BanksOf(evidence)) {
    boot.banks.push_back(Compare(log, bank, values));
    FindDifferences(boot.banks.back(), values, findings);
  }
  const bool declared = std::any_of(boot.banks.begin(), boot.banks.end(),
                                    [](const BankReplay& bank) { return bank.declared; });
  boot.bank = Strongest(boot.banks);
  if (!declared) {
    boot.state = State::kOtherBanks;
    return;
  }
  if (!boot.bank) {
    boot.state = State::kRejected;
    Reject(findings, "L6", Reason::kEventLogMalformed,
           "some event of the boot event log has no digest in any of the quoted banks");
    return;
  }
  const bool mismatch = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.reason.has_value();
  });
  if (mismatch) {
    boot.state = State::kRejected;
    boot.bank.reset();
    return;  // what it says is not even worth showing
  }
  boot.state = State::kReplayed;
  NoteVoidBanks(boot, findings);
  boot.facts = eventlog::ReadFacts(log, *boot.bank);
  AddNotices(*boot.facts, findings);
}

}  // namespace

Bytes BankReplay::ReplayOf(uint32_t pcr) const {
  return replayed[pcr].empty() ? Bytes(tcg::DigestSize(bank)) : replayed[pcr];
}

const BankReplay* BootEvidence::Find(tcg::AlgorithmId wanted) const {
  const auto found = std::find_if(banks.begin(), banks.end(), [wanted](const BankReplay& replay) {
    return replay.bank == wanted;
  });
  return found == banks.end() ? nullptr : &*found;
}

std::string_view ToString(BootEvidence::State state) {
  switch (state) {
    case State::kAbsent:
      return "Absent";
    case State::kEmpty:
      return "Empty";
    case State::kOtherBanks:
      return "OtherBanks";
    case State::kRejected:
      return "Rejected";
    case State::kReplayed:
      return "Replayed";
  }
  return "";
}

Finding FindingOf(const eventlog::Problem& problem, tcg::AlgorithmId bank,
                  std::optional<Reason> reason) {
  // A finding's check is static text.
  static constexpr std::array<std::string_view, 11> kChecks = {"L1", "L2", "L3", "L4", "L11", "B1",
                                                               "B2", "B3", "B4", "B5", "B7"};
  const auto* const check = std::find(kChecks.begin(), kChecks.end(), problem.check);
  Finding finding{.check = check != kChecks.end() ? *check : "L17", .reason = reason};
  if (problem.pcr < eventlog::kPcrCount) {
    finding.pcr = PcrReference{bank, problem.pcr};
  }
  if (problem.event) {
    finding.event = EventReference{*problem.event, eventlog::EventTypeName(problem.type)};
  }
  finding.message = problem.message;
  return finding;
}

BootEvidence JudgeBootLog(const evidence::Evidence& evidence,
                          const std::optional<evidence::Statement>& statement, Findings& findings) {
  BootEvidence boot;
  if (!evidence.boot_event_log) {
    return boot;
  }
  Findings found;
  boot.sha256 = crypto::Digest(tcg::AlgorithmId::kSha256, {*evidence.boot_event_log});
  boot.state = State::kRejected;
  if (IsTheStatementsLog(*evidence.boot_event_log, boot.sha256, statement, found)) {
    const auto log = eventlog::EventLog::Parse(*evidence.boot_event_log);
    if (log) {
      Replay(*log, evidence, boot, found);
    } else if (log.error().kind == eventlog::Refusal::Kind::kEmpty) {
      boot.state = State::kEmpty;
      boot.detail = eventlog::ToString(log.error().kind);
    } else {
      const eventlog::Refusal& refusal = log.error();
      const bool named = refusal.kind != eventlog::Refusal::Kind::kMalformed;
      boot.detail = named ? eventlog::ToString(refusal.kind) : std::string_view();
      Finding finding{.check = "L9", .reason = Reason::kEventLogMalformed};
      if (refusal.event) {
        finding.event = EventReference{*refusal.event, {}};
      }
      finding.message = fmt::format("boot event log{}{}{}: {}", named ? " (" : "", boot.detail,
                                    named ? ")" : "", refusal.message);
      found.push_back(std::move(finding));
    }
  }
  findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
  return boot;
}

}  // namespace plimsoll::appraisal
