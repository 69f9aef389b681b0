#include "appraisal/boot_epoch.h"

#include <algorithm>
#include <tuple>

namespace plimsoll::appraisal {
namespace {

constexpr unsigned kStaleQuotesUntilReplay = 3;
constexpr size_t kKeptBootIds = 8;
constexpr double kClockJumpMilliseconds = 5'000;
constexpr double kClockDrift = 0.2;

// Whether the TPM's clock rose by more than the time that passed between the two receipts explains.
bool Jumped(const RecordedClock& recorded, uint64_t clock_ms, MonotonicTime now) {
  if (!recorded.clock_ms || !recorded.received) {
    return false;
  }
  const auto elapsed = static_cast<double>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now - *recorded.received).count());
  const auto risen = static_cast<double>(clock_ms - *recorded.clock_ms);
  return risen - elapsed > kClockJumpMilliseconds + kClockDrift * std::max(elapsed, 0.0);
}

}  // namespace

ClockJudgement JudgeClock(const std::optional<RecordedClock>& recorded,
                          const tcg::ClockInfo& quoted, const std::string& boot_id,
                          MonotonicTime now) {
  if (!recorded) {
    return {};
  }
  const BootEpoch epoch{quoted.reset_count, quoted.restart_count, boot_id};
  if (epoch == recorded->epoch) {
    if (recorded->clock_ms && quoted.clock <= *recorded->clock_ms) {
      const bool replayed = recorded->stale_in_a_row + 1 >= kStaleQuotesUntilReplay;
      return {replayed ? ClockOutcome::kReplayed : ClockOutcome::kStale,
              recorded->unexplained_reset};
    }
    if (Jumped(*recorded, quoted.clock, now)) {
      return {ClockOutcome::kSharedTpm};
    }
    return {ClockOutcome::kSameEpoch, recorded->unexplained_reset};
  }
  const auto counters = std::tuple(epoch.reset_count, epoch.restart_count);
  const auto before = std::tuple(recorded->epoch.reset_count, recorded->epoch.restart_count);
  const auto& earlier = recorded->earlier_boot_ids;
  if (!boot_id.empty() && std::find(earlier.begin(), earlier.end(), boot_id) != earlier.end()) {
    return {ClockOutcome::kSharedTpm};  // a boot id does not come back: two hosts take turns
  }
  if (counters < before ||
      (counters == before && recorded->clock_ms && quoted.clock < *recorded->clock_ms)) {
    return {ClockOutcome::kCountersReset};
  }
  return {ClockOutcome::kNewEpoch, boot_id == recorded->epoch.boot_id};
}

RecordedClock NextRecord(const std::optional<RecordedClock>& recorded, const tcg::ClockInfo& quoted,
                         const std::string& boot_id, MonotonicTime now) {
  RecordedClock next;
  next.epoch = {quoted.reset_count, quoted.restart_count, boot_id};
  next.clock_ms = quoted.clock;
  next.received = now;
  next.unexplained_reset = JudgeClock(recorded, quoted, boot_id, now).unexplained_reset;
  if (recorded) {
    next.earlier_boot_ids = recorded->earlier_boot_ids;
    if (recorded->epoch.boot_id != boot_id && !recorded->epoch.boot_id.empty()) {
      next.earlier_boot_ids.push_back(recorded->epoch.boot_id);
    }
    if (next.earlier_boot_ids.size() > kKeptBootIds) {
      next.earlier_boot_ids.erase(next.earlier_boot_ids.begin());
    }
  }
  return next;
}

}  // namespace plimsoll::appraisal
