#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/objects.h"

namespace plimsoll::controller::identity {

// The admissions that an identity has by right (api.md 3.3): pure functions.

// Whether approval is asked for again: ConflictFree is False, and no person has approved at a newer
// generation than it names.
bool ApprovalAskedAgain(const TpmIdentity& identity);

// Brings status.admissions and ConflictFree to what decision and certificate say:
//   Human                   while the decision is Approved; `ref` keeps the metadata.generation at
//                           which the approval was first seen. After ConflictFree=False only an
//                           approval at a newer generation counts, and ends it.
//   EndorsementCertificate  for each of `authorities`, unless approval is asked for again
// Denied and Revoked identities have none. Whether the node is free for a certificate admission is
// the caller's to find out: it passes no authorities when it is not.
//
// Returns whether a Human admission was added that was not there before.
bool ReconcileAdmissions(TpmIdentity& identity, const std::vector<std::string>& authorities,
                         WallTime now);

// Takes all admissions away and asks a person to approve again: ConflictFree=False with `reason`
// (KeyProfileChanged, SharedTPM, UnexplainedReset) at the present generation.
void AskForApproval(TpmIdentity& identity, const std::string& reason, const std::string& message,
                    WallTime now);

// Whether the node takes an admission of `identity` by certificate: no other identity of the node
// stands against it. An approved one does, and so does an admitted one unless the node is held
// (NodeAttestation status.tpmIdentity, `holder`) by `identity` itself. `on_node` may hold
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
