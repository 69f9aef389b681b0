#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "kube/lookup.h"

// What the leader changes in a verdict without new evidence: expiry, a lost identity, policies that
// came, went or changed. Pure; how a status moves is for record/transition.h alone.
namespace plimsoll::controller::enforce {

// One look at everything that a node is judged with.
struct NodeView {
  const Node& node;
  const policies::NodePolicies& policies;
  const Lookup<TpmIdentity>& identities;
  std::optional<WallTime> acknowledged_at = {};  // AcknowledgedAt of its NodeAttestation
};

// The annotation plimsoll.dev/acknowledged-at: when a person has said that the node's failure is
// understood. Absent where it is no time.
std::optional<WallTime> AcknowledgedAt(const kube::ObjectMeta& attestation);

// Whether that word is about a failure of then: later than it, and not of the future.
bool Acknowledges(const std::optional<WallTime>& acknowledged_at, WallTime failure, WallTime now);

// The identity whose key signed the evidence in `status`, as it is now; null where it is gone.
std::shared_ptr<const TpmIdentity> IdentityOf(const NodeAttestationStatus& status,
                                              const NodeView& view);

// policies::InputsHash of what this replica would judge `status` with.
std::string InputsOf(const NodeAttestationStatus& status, const NodeView& view);

// Until when a result that was held over may stand (PolicyResult::held_over): one interval after
// the evidence. Absent where none is.
std::optional<WallTime> HeldOverUntil(const NodeAttestationStatus& status,
                                      const policies::NodePolicies& policies);

// The status that should follow `current`; nullopt to leave it.
//
// `evidence_expired` is judged by the caller on the monotonic clock. `now` is for what people read.
//   - evidence that counts and inputs that differ: judged again from the stored facts
//   - evidence that has expired, or whose identity is gone, denied or revoked: Unknown
//   - a failure that was acknowledged: forgotten, and evidence that counts judged again
//   - no evidence: the reason why (NoEnforcingPolicy, NotEnrolled, IdentityDenied, PolicyNotReady,
//     IdentityPending, EvidenceExpired); what an agent reported (TPMAbsent, TPMError) stays
// A status that was judged with newer policies than ours is left alone: its writer knows more.
std::optional<NodeAttestationStatus> NextStatus(const NodeAttestationStatus& current,
                                                const NodeView& view, bool evidence_expired,
                                                WallTime now);

}  // namespace plimsoll::controller::enforce
