#include "controller/ingest/clock_book.h"

#include <algorithm>
#include <functional>

#include "controller/identity/admission.h"
#include "controller/identity/endorsement.h"

namespace plimsoll::controller::ingest {
namespace {

constexpr size_t kMaxEarlierBoots = 8;

appraisal::BootEpoch ToEpoch(const BootEpoch& stored) {
  return {.reset_count = static_cast<uint32_t>(stored.reset_count),
          .restart_count = static_cast<uint32_t>(stored.restart_count),
          .boot_id = stored.boot_id};
}

bool AwaitsApprovalOfReset(const TpmIdentity& identity) {
  const Condition* condition = Find(identity.status.conditions, identity::kConflictFree);
  return condition != nullptr && condition->reason == "UnexplainedReset" &&
         identity::ApprovalAskedAgain(identity);
}

// The clock of the last quote of that boot, as far as the node's status has it.
std::optional<uint64_t> StoredClock(const NodeAttestationStatus& status,
                                    const TpmIdentity& identity) {
  const BootEpoch& epoch = *identity.status.epoch;
  if (!status.clock || status.tpm_identity != identity.meta.name ||
      status.clock->reset_count != epoch.reset_count ||
      status.clock->restart_count != epoch.restart_count || status.boot_id != epoch.boot_id ||
      status.clock->clock < 0) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(status.clock->clock);
}

}  // namespace

std::unique_lock<std::mutex> ClockBook::Lock(const std::string& identity_uid) {
  return std::unique_lock(locks_[std::hash<std::string>()(identity_uid) % locks_.size()]);
}

bool AgreesWith(const std::optional<ClockBook::Entry>& known, const TpmIdentity& identity) {
  return !known ||
         (identity.status.epoch && known->recorded.epoch == ToEpoch(*identity.status.epoch));
}

std::optional<ClockBook::Entry> Recall(const std::optional<ClockBook::Entry>& known,
                                       const TpmIdentity& identity,
                                       const NodeAttestationStatus& status) {
  if (!identity.status.epoch) {
    return std::nullopt;
  }
  ClockBook::Entry entry;
  if (known && AgreesWith(known, identity)) {
    entry = *known;
  } else {
    entry.recorded.epoch = ToEpoch(*identity.status.epoch);
    entry.recorded.clock_ms = StoredClock(status, identity);
    if (known) {
      entry.recorded.earlier_boot_ids = known->recorded.earlier_boot_ids;
      entry.recorded.earlier_boot_ids.push_back(known->recorded.epoch.boot_id);
      std::erase(entry.recorded.earlier_boot_ids, entry.recorded.epoch.boot_id);
      if (entry.recorded.earlier_boot_ids.size() > kMaxEarlierBoots) {
        entry.recorded.earlier_boot_ids.erase(entry.recorded.earlier_boot_ids.begin());
      }
    }
  }
  if (entry.recorded.unexplained_reset &&
      identity::ApprovedGeneration(identity) > entry.reset_generation) {
    entry.recorded.unexplained_reset = false;
  }
  if (AwaitsApprovalOfReset(identity)) {
    entry.recorded.unexplained_reset = true;
    entry.reset_generation = std::max(entry.reset_generation, identity.meta.generation);
  }
  return entry;
}

}  // namespace plimsoll::controller::ingest
