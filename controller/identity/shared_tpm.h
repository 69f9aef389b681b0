#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "kube/lookup.h"

namespace plimsoll::controller::identity {

// An identity that counts time with another one: both may be one TPM.
struct SharedTpm {
  std::string identity;
  std::string partner;  // another one with the same clock, the nearest

  bool operator==(const SharedTpm&) const = default;
};

// The identities of two machines that seem to have one TPM between them (verification.md, "Decided
// details" 12): equal counters, and a clock that was as far from the time of day when this boot
// began, within kSharedClockMilliseconds, and still is, as far as the nodes' status tells. Two EKs
// of one TPM look so, and so do clones of its state. TPMs that were switched on for the first time
// at the same moment look so too: a person decides.
//
// Of identities that may attest and are bound to a live Node. Not named again: those that are
// marked already, and those of which a person has said so in this boot. By name. O(n log n).
std::vector<SharedTpm> FindSharedTpms(
    const std::vector<std::shared_ptr<const TpmIdentity>>& identities, const Lookup<Node>& nodes,
    const Lookup<NodeAttestation>& attestations);

inline constexpr uint64_t kSharedClockMilliseconds = 100;

}  // namespace plimsoll::controller::identity
