#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "kube/lookup.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"

// What the leader changes in a verdict without new evidence: expiry, a lost identity, policies that
// came, went or changed. Pure; how a status moves is for record/transition.h alone.
namespace plimsoll::controller::enforce {

// One look at everything that a node is judged with.
struct NodeView {
  const Node& node;
  const policies::NodePolicies& policies;
  const Lookup<TpmIdentity>& identities;
};

// The identity whose key signed the evidence in `status`, as it is now; null where it is gone.
std::shared_ptr<const TpmIdentity> IdentityOf(const NodeAttestationStatus& status,
                                              const NodeView& view);

// policies::InputsHash of what this replica would judge `status` with.
std::string InputsOf(const NodeAttestationStatus& status, const NodeView& view);

// The status that should follow `current`; nullopt to leave it.
//
// `evidence_expired` is judged by the caller on the monotonic clock. `now` is for what people read.
//   - evidence that counts and inputs that differ: judged again from the stored facts
//   - evidence that has expired, or whose identity is gone, denied or revoked: Unknown
//   - no evidence: the reason why (NoEnforcingPolicy, NotEnrolled, IdentityDenied, PolicyNotReady,
//     IdentityPending, EvidenceExpired); what an agent reported (TPMAbsent, TPMError) stays
// A status that was judged with newer policies than ours is left alone: its writer knows more.
std::optional<NodeAttestationStatus> NextStatus(const NodeAttestationStatus& current,
                                                const NodeView& view, bool evidence_expired,
                                                WallTime now);

}  // namespace plimsoll::controller::enforce
