#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "appraisal/appraisal.h"
#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "evidence/evidence.h"
#include "kube/lookup.h"

// What the first good quote of an identity leaves: the PCR values that a policy holds the node to
// from then on (match: Unchanged, FirstUse), and admissions by first use (identity.admission:
// FirstUse). This file decides what is to be recorded; IdentityChanges records it.
namespace plimsoll::controller::identity {

// To be recorded for one policy.
struct FirstRecord {
  std::string policy_uid;
  std::string policy_name;
  bool admit = false;                      // an admission by first use
  std::vector<evidence::PcrValue> values;  // of PCRs of which nothing is recorded

  bool operator==(const FirstRecord&) const = default;
};

// The nodes as this replica knows them.
struct NodeSources {
  const Lookup<Node>& nodes;
  const Lookup<TpmIdentity>& identities;
  const Lookup<NodeAttestation>& attestations;
};

// Why `policy` does not admit the identity by its first use now; nullopt when it does. `result` is
// that of the quote with the values `quoted`.
//
// The guard rails, all of which must hold: nothing but the admission keeps the policy from passing;
// the identity was discovered or announced by a person, is Pending and in no conflict; the window
// (firstUse.notAfter) is open; the floor (firstUse.referenceValueRefs) holds; and `quorum` nodes
// that the policy selects, this one included, show the same values of the policy's PCRs (where it
// names none: of PCR 0-7 of every bank quoted) at this time, each by a TPM of its own.
std::optional<std::string> FirstUseObstacle(const policy::CompiledPolicy& policy,
                                            const appraisal::PolicyResult& result,
                                            const std::vector<evidence::PcrValue>& quoted,
                                            const TpmIdentity& identity, const NodeSources& sources,
                                            WallTime now);

// What the quote that was appraised gives for the first time. Empty in the usual case.
std::vector<FirstRecord> FirstRecordsOf(const TpmIdentity& identity,
                                        const appraisal::Appraisal& appraisal,
                                        const policies::NodePolicies& policies,
                                        const NodeSources& sources, WallTime now);

// Whether a quote that was judged with `judged` may be recorded in `current`: the same key on the
// same Node, the same decision and the same admissions.
bool IsJudgedAs(const TpmIdentity& current, const TpmIdentity& judged);

// Enters what is not there yet; false when that is nothing, or when the lists are full.
bool Enter(const FirstRecord& record, TpmIdentity& identity, WallTime now);

}  // namespace plimsoll::controller::identity
