#pragma once

#include <optional>
#include <string>
#include <vector>

#include "appraisal/appraisal.h"
#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"

// From one status of a node to the next: pure functions, and the only place where the rules of
// api.md 3.1 live that a verdict obeys over time (Untrusted sticks).
//
// Untrusted is left through a Trusted judgement only, or when no Enforce policy selects the node
// any more. An outcome that is Unknown leaves summary, condition Trusted=False and its reason as
// they are, and shows in EvidenceFresh and in the message. A status of another Node UID counts as
// empty.
namespace plimsoll::controller::record {

// What every transition needs to know beside the event itself.
struct Surroundings {
  std::string node_uid;                    // of the live Node
  const policies::NodePolicies& policies;  // by which it is judged
  std::string inputs;                      // policies::InputsHash of these
  WallTime now;
  std::optional<UnacknowledgedFailure> earlier_failure = {};  // that the TPMIdentity remembers
};

// Evidence was appraised (Disposition::kJudged). `identity` is the TPMIdentity's name.
NodeAttestationStatus AfterAppraisal(const NodeAttestationStatus& before,
                                     const appraisal::Appraisal& appraisal,
                                     const std::string& identity, const Surroundings& surroundings);

// The stored facts were judged again because inputs changed. The caller has made sure that
// MayRejudge(before).
NodeAttestationStatus AfterRejudgement(const NodeAttestationStatus& before,
                                       const appraisal::Judgement& judgement,
                                       const Surroundings& surroundings);

// No evidence, but news about the node's state: TPMAbsent, TPMError, EvidenceExpired, NotEnrolled,
// IdentityPending, IdentityDenied, IdentityConflict, PolicyNotReady, NoEnforcingPolicy,
// ControllerStarting. Never makes a node Trusted or Untrusted.
NodeAttestationStatus AfterStateChange(const NodeAttestationStatus& before,
                                       appraisal::Reason reason, const std::string& message,
                                       const Surroundings& surroundings);

// Whether the stored facts can stand for fresh evidence: of this Node UID, with PCR values and an
// AK still activated, not expired, and the last evidence did not fail on itself (steps 1-8): a node
// that sent a forged quote is not judged by the good one before it.
bool MayRejudge(const NodeAttestationStatus& status, const std::string& node_uid, WallTime now);

// What the IMA rules of a policy had rejected in this boot, as far as its stored result tells.
appraisal::Findings RuntimeRejections(const PolicyResult& result);

// The node's policies with their last results, which Suspended ones keep until `status` expires.
std::vector<appraisal::AppliedPolicy> Applied(const policies::NodePolicies& policies,
                                              const NodeAttestationStatus& status, WallTime now);

// Whether this status was judged with newer inputs than `policies`: some policy in it has a higher
// generation than ours. Its writer knows more than we do, so what we have judged is dropped.
bool JudgedWithNewerInputs(const NodeAttestationStatus& status,
                           const policies::NodePolicies& policies);

}  // namespace plimsoll::controller::record
