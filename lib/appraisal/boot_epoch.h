#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tcg/attest.h"

namespace plimsoll::appraisal {

// One boot of a node as its TPM counts it. Within an epoch the TPM's clock only rises.
struct BootEpoch {
  uint32_t reset_count = 0;
  uint32_t restart_count = 0;
  std::string boot_id;  // /proc/sys/kernel/random/boot_id, by the statement

  friend bool operator==(const BootEpoch&, const BootEpoch&) = default;
};

// What is recorded of the last accepted quote of an identity. Counters outlive a controller, the
// rest may be lost with it: a part that is not known is not compared.
struct RecordedClock {
  BootEpoch epoch;
  std::optional<uint64_t> clock_ms;
  std::optional<MonotonicTime> received;      // when that quote came in, by the clock of `now`
  std::vector<std::string> earlier_boot_ids;  // of epochs before this one; a few are enough
  unsigned stale_in_a_row = 0;                // answers 409 StaleEvidence since that quote
  bool unexplained_reset = false;  // this epoch began with one that no person has approved since
};

// What the clock says about a quote that is genuine and fresh (verification.md, "Decided details"
// 12).
enum class ClockOutcome : uint8_t {
  kFirst,      // nothing was recorded
  kSameEpoch,  // later than the recorded quote
  kNewEpoch,
  kStale,     // same epoch, but not later: overlapping rounds; 409 StaleEvidence, the verdict stays
  kReplayed,  // the third stale one in a row
  kCountersReset,  // counters ran backwards (TPM2_Clear): clear the activation, Event TPMReset
  kSharedTpm,      // two machines with one TPM state: clear the activation,
                   // ConflictFree=False/SharedTPM, a person approves again
};

struct ClockJudgement {
  ClockOutcome outcome = ClockOutcome::kFirst;
  bool unexplained_reset =
      false;  // a new epoch under an unchanged boot id, now or since RecordedClock said so
};

// `now` is the time of receipt. The TPM's clock may run fast by 20 % and jump by 5 s; more, within
// one epoch, is kSharedTpm.
ClockJudgement JudgeClock(const std::optional<RecordedClock>& recorded,
                          const tcg::ClockInfo& quoted, const std::string& boot_id,
                          MonotonicTime now);

// What to record after a quote that was accepted (kFirst, kSameEpoch, kNewEpoch). Boot ids of at
// most eight earlier epochs are kept.
RecordedClock NextRecord(const std::optional<RecordedClock>& recorded, const tcg::ClockInfo& quoted,
                         const std::string& boot_id, MonotonicTime now);

}  // namespace plimsoll::appraisal
