#include "controller/identity/shared_tpm.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <tuple>

#include "controller/identity/conditions.h"

namespace plimsoll::controller::identity {
namespace {

// A status has whole seconds, a network and a chip their delays, and an oscillator its drift.
constexpr uint64_t kStillMilliseconds = 5'000;

// Without overflow, whatever an object says.
uint64_t Apart(int64_t a, int64_t b) {
  const auto x = static_cast<uint64_t>(a);
  const auto y = static_cast<uint64_t>(b);
  return a > b ? x - y : y - x;
}

// Whether the clock that the node last showed is as far from the time of day as it was when the
// boot began.
bool IsStill(const BootEpoch& epoch, const NodeAttestationStatus& status) {
  if (!status.clock || !status.last_verified_time ||
      status.clock->reset_count != epoch.reset_count ||
      status.clock->restart_count != epoch.restart_count) {
    return false;
  }
  const auto shown = std::chrono::duration_cast<std::chrono::milliseconds>(
      status.last_verified_time->time_since_epoch());
  const auto offset = static_cast<int64_t>(static_cast<uint64_t>(status.clock->clock) -
                                           static_cast<uint64_t>(shown.count()));
  return Apart(offset, epoch.offset_milliseconds) <= kStillMilliseconds;
}

bool Counts(const TpmIdentity& identity, const Lookup<Node>& nodes,
            const Lookup<NodeAttestation>& attestations) {
  if (!identity.MayAttest() || !identity.status.epoch) {
    return false;
  }
  const auto node = nodes.Get(identity.node_name);
  const auto attestation = attestations.Get(identity.node_name);
  return node && attestation && node->meta.uid == identity.status.node_uid &&
         attestation->status.node_uid == identity.status.node_uid &&
         attestation->status.tpm_identity == identity.meta.name &&
         IsStill(*identity.status.epoch, attestation->status);
}

bool IsSettled(const TpmIdentity& identity) {
  const Condition* condition = Find(identity.status.conditions, kConflictFree);
  if (condition == nullptr) {
    return false;
  }
  return condition->reason == (condition->status == ConditionStatus::kFalse
                                   ? std::string(kSharedTpmReason)
                                   : std::string(kApprovedAfter) + kSharedTpmReason);
}

auto KeyOf(const TpmIdentity& identity) {
  const BootEpoch& epoch = *identity.status.epoch;
  return std::tuple(epoch.reset_count, epoch.restart_count, epoch.offset_milliseconds,
                    identity.meta.name);
}

bool HaveOneClock(const TpmIdentity& a, const TpmIdentity& b) {
  return a.node_name != b.node_name && a.status.epoch->reset_count == b.status.epoch->reset_count &&
         a.status.epoch->restart_count == b.status.epoch->restart_count &&
         Apart(a.status.epoch->offset_milliseconds, b.status.epoch->offset_milliseconds) <=
             kSharedClockMilliseconds;
}

}  // namespace

std::vector<SharedTpm> FindSharedTpms(
    const std::vector<std::shared_ptr<const TpmIdentity>>& identities, const Lookup<Node>& nodes,
    const Lookup<NodeAttestation>& attestations) {
  std::vector<std::shared_ptr<const TpmIdentity>> counted;
  for (const auto& identity : identities) {
    if (Counts(*identity, nodes, attestations)) {
      counted.push_back(identity);
    }
  }
  // Where any two have one clock, each has it with its neighbour in this order.
  std::sort(counted.begin(), counted.end(),
            [](const auto& a, const auto& b) { return KeyOf(*a) < KeyOf(*b); });
  std::vector<SharedTpm> shared;
  for (size_t i = 0; i < counted.size(); ++i) {
    const TpmIdentity* partner = nullptr;
    if (i > 0 && HaveOneClock(*counted[i - 1], *counted[i])) {
      partner = counted[i - 1].get();
    } else if (i + 1 < counted.size() && HaveOneClock(*counted[i], *counted[i + 1])) {
      partner = counted[i + 1].get();
    }
    if (partner != nullptr && !IsSettled(*counted[i])) {
      shared.push_back({counted[i]->meta.name, partner->meta.name});
    }
  }
  std::sort(shared.begin(), shared.end(),
            [](const SharedTpm& a, const SharedTpm& b) { return a.identity < b.identity; });
  return shared;
}

}  // namespace plimsoll::controller::identity
