#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "appraisal/finding.h"
#include "base/bytes.h"
#include "eventlog/event_log.h"
#include "eventlog/facts.h"
#include "evidence/evidence.h"
#include "evidence/statement.h"
#include "tcg/algorithm.h"

// Step 9 of the appraisal: what the boot event log proves beside a quote.
namespace plimsoll::appraisal {

// How the log stands to the quoted PCRs of one bank. PCR 10 belongs to IMA and is left out.
struct BankReplay {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  bool declared = false;   // by the log
  bool usable = false;     // declared, and every event has a digest in it
  uint32_t quoted = 0;     // bit i: PCR i was quoted
  uint32_t explained = 0;  // bit i: some event extends PCR i
  uint32_t differing = 0;  // bit i: the quoted PCR i is not what the log replays to

  // What the log replays to, by PCR; empty for one that no event extends.
  std::array<Bytes, eventlog::kPcrCount> replayed;

  // What the log says that this PCR holds: without an event, what it holds from the start.
  Bytes ReplayOf(uint32_t pcr) const;
};

// The log as far as the quote vouches for it; a value that can be stored.
struct BootEvidence {
  enum class State : uint8_t {
    kAbsent,      // no log came
    kEmpty,       // a log without an event
    kOtherBanks,  // a log in none of the quoted banks (TPM 1.2 form beside a sha256 quote)
    kRejected,    // malformed, or not the log of these PCRs
    kReplayed,    // its replay gives the quoted PCR 0-7
  };

  State state = State::kAbsent;
  std::string detail;  // "TPM12Log", "Empty", "Truncated", "RuntimeRegisterLog"; empty otherwise
  Bytes sha256;        // of the log
  std::vector<BankReplay> banks;  // the quoted ones

  // For kReplayed: the strongest quoted bank that the log replays, by which event rules judge.
  std::optional<tcg::AlgorithmId> bank;
  std::optional<eventlog::BootFacts> facts;

  const BankReplay* Find(tcg::AlgorithmId wanted) const;
};

std::string_view ToString(BootEvidence::State state);  // "Absent", "Empty", "Replayed" ...

// What the log's reader found, as a finding: check, PCR of this bank, event with its type.
Finding FindingOf(const eventlog::Problem& problem, tcg::AlgorithmId bank,
                  std::optional<Reason> reason);

// Judges the log that the evidence holds against the statement (when there is one) and the quoted
// values. Findings with a reason reject the evidence whatever a policy says; the others are
// remarks.
BootEvidence JudgeBootLog(const evidence::Evidence& evidence,
                          const std::optional<evidence::Statement>& statement, Findings& findings);

}  // namespace plimsoll::appraisal
