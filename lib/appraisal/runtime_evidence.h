#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "appraisal/finding.h"
#include "evidence/evidence.h"
#include "evidence/statement.h"
#include "ima/judgement.h"
#include "ima/measurement_list.h"
#include "ima/replay.h"
#include "policy/compiled_policy.h"

// Step 11 of the appraisal: what the IMA measurement list proves beside a quote.
namespace plimsoll::appraisal {

// Where the judgement of a list stands within one boot of a node. The caller keeps it, and drops it
// with a new boot epoch or when a policy's IMA rules get tighter (I8).
struct RuntimePosition {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  ima::Position list;
  ima::Generation generation;
};

// The list of one evidence as far as the quote vouches for it. Views into the evidence; lives for
// one appraisal.
struct RuntimeEvidence {
  enum class State : uint8_t {
    kAbsent,     // no list came
    kNotQuoted,  // a list came, but no bank of PCR 10 was quoted
    kRejected,   // malformed, or not the list of this PCR 10
    kPending,    // more entries are to come before PCR 10 can be reached
    kReached,    // the first `count` entries lead to the quoted PCR 10
    kMiddle,     // it begins in its middle, and nothing is known of what was before
  };

  State state = State::kAbsent;
  std::optional<ima::List> list;
  uint64_t first = 0;  // index of the list's first entry in the whole
  size_t count = 0;    // entries that the quote covers; those behind them are pending
  RuntimePosition before;
  std::optional<RuntimePosition> after;  // for kPending and kReached
  bool judged = false;  // some policy has judged the entries, so `after` is to be kept
};

// Judges the list that the evidence holds against the statement (when there is one), where the last
// chunk ended, and the quoted PCR 10. Findings with a reason reject the evidence whatever a policy
// says. `evidence` must outlive the result.
RuntimeEvidence JudgeRuntimeList(const evidence::Evidence& evidence,
                                 const std::optional<evidence::Statement>& statement,
                                 const std::optional<RuntimePosition>& position,
                                 bool knows_earlier_rounds, Findings& findings);

// spec.runtime.ima of a ready policy. `runtime` is null when only stored facts are judged.
//
// `rejected` holds what the policy has rejected in earlier chunks of this boot; what it rejects in
// this one is added. All of it counts once the chain of chunks has reached the quoted PCR 10: an
// entry that was rejected once stays rejected for this boot.
void CheckRuntime(const policy::CompiledPolicy& policy, RuntimeEvidence* runtime,
                  const ima::QuotedPcr& quoted, Findings& rejected, Findings& findings);

inline constexpr size_t kMaxRuntimeFindings = 32;  // kept for a policy and a boot

}  // namespace plimsoll::appraisal
