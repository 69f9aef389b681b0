#pragma once

#include <string_view>

#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "controller/record/transition.h"

// spec.enforcement.recovery: Acknowledged (api.md 3.1). Pure, like transition.h, which uses it.
//
// Under a policy that demands it, a failure is kept in status.failure. While it is there, good
// evidence makes the node Trusted only when the failure is of another boot, or was judged with
// other inputs. A person's word takes the failure away (enforce/verdict_update.h), whereupon good
// evidence counts as ever.
namespace plimsoll::controller::record {

// Whether some policy that decides about the node wants failures acknowledged.
bool DemandsAcknowledgement(const policies::NodePolicies& policies);

// Whether the failure in `status`, whose facts are those of the evidence that is good, stands in
// the way of trust. Boots are told apart by the TPM's own counters: the boot ID is only the
// machine's word.
bool FailureStands(const NodeAttestationStatus& status, const Surroundings& surroundings);

// Keeps what was just judged Untrusted. `of_facts`: judged by the facts in `status`, so that its
// boot is known. One that is kept already is left as it is while boot and inputs are the same.
void KeepFailure(NodeAttestationStatus& status, std::string_view reason, bool of_facts,
                 const Surroundings& surroundings);

// Takes over the failure that the TPMIdentity remembers from an earlier Node, where this one was
// never Trusted.
void TakeOverFailure(NodeAttestationStatus& status, const Surroundings& surroundings);

// A failure whose boot is not known is of this boot at the latest: to be called with good evidence
// that it has held back.
void PlaceFailureInThisBoot(NodeAttestationStatus& status);

}  // namespace plimsoll::controller::record
