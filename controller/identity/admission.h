#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/objects.h"
#include "policy/compiled_policy.h"

namespace plimsoll::controller::identity {

// The admissions that an identity has by right (api.md 3.3): pure functions.

// Whether approval is asked for again: ConflictFree is False for a reason that took the admissions
// away (all but IdentityConflict, where the old binding stands), and no person has approved at a
// newer generation than it names.
bool ApprovalAskedAgain(const TpmIdentity& identity);

// Whether ConflictFree is False, for whatever reason.
bool InConflict(const TpmIdentity& identity);

// What admissions other than a person's rest on.
struct Grounds {
  // EndorsementAuthorities that the certificate chains to; none where the node is not free.
  std::vector<std::string> authorities = {};

  // UIDs of the policies whose first use may go on to count; absent: of all.
  std::optional<std::set<std::string, std::less<>>> first_uses = std::nullopt;
};

// Brings status.admissions and ConflictFree to what decision and grounds say:
//   Human                   while the decision is Approved; `ref` is the metadata.generation at
//                           which it was given: every change of spec by a person who leaves it
//                           Approved is one. After ConflictFree=False only an approval at a newer
//                           generation ends that, and where approval was asked for again no older
//                           one counts.
//   EndorsementCertificate  for each authority, unless approval is asked for again
//   FirstUse                kept where it is, never given here; ends with any conflict
// Denied and Revoked identities have none. Whether the node is free for anything but a person's
// word is the caller's to find out.
//
// Returns whether a person has approved anew: then what was recorded at the approval before is to
// be recorded again (RenewBaselines).
bool ReconcileAdmissions(TpmIdentity& identity, const Grounds& grounds, WallTime now);

using CompiledPolicies = std::vector<std::shared_ptr<const policy::CompiledPolicy>>;

// Forgets what Unchanged compares with, so that the values at the new approval are recorded, and
// all that was recorded for policies that are not among `policies`. What FirstUse compares with
// stays.
void RenewBaselines(TpmIdentity& identity, const CompiledPolicies& policies);

// Takes all admissions away and asks a person to approve again: ConflictFree=False with `reason`
// (KeyProfileChanged, SharedTPM, UnexplainedReset) at the present generation.
void AskForApproval(TpmIdentity& identity, const std::string& reason, const std::string& message,
                    WallTime now);

// Says that others claim what this identity is bound to (ConflictFree=False/IdentityConflict). The
// binding stands, and so does what people and certificates say; a first use does not. Returns false
// when the status said so already, or says worse.
bool ReportConflict(TpmIdentity& identity, const std::string& message, WallTime now);

// Whether the node takes an admission of `identity` by certificate or first use: no other identity
// of the node stands against it. An approved one does, and so does an admitted one unless the node
// is held (NodeAttestation status.tpmIdentity, `holder`) by `identity` itself. `on_node` may hold
// `identity`.
template <class Identities>
bool NodeIsFree(const TpmIdentity& identity, const Identities& on_node, const std::string& holder) {
  for (const auto& other : on_node) {
    const bool against = other->decision == Decision::kApproved || holder != identity.meta.name;
    if (other->meta.name != identity.meta.name && other->node_name == identity.node_name &&
        other->Admitted() && against) {
      return false;
    }
  }
  return true;
}

// The metadata.generation at which a person approved; 0 when none has.
int64_t ApprovedGeneration(const TpmIdentity& identity);

}  // namespace plimsoll::controller::identity
