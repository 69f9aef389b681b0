#pragma once

#include <map>
#include <optional>
#include <string>

#include "appraisal/finding.h"
#include "appraisal/runtime_evidence.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"

namespace plimsoll::controller::ingest {

// How far the IMA list of one boot of a node is judged by the present rules, and what they have
// rejected so far: an entry that was rejected once stays rejected for this boot.
struct RuntimeProgress {
  appraisal::RuntimePosition position;
  std::map<std::string, appraisal::Findings> rejected;  // by policy uid
};

// What `status` says of the boot that `identity` was last recorded in; nullopt when the list has to
// come from its beginning: another boot than `boot_id`, other rules, no record, or one that cannot
// be read.
std::optional<RuntimeProgress> RecallProgress(const NodeAttestationStatus& status,
                                              const TpmIdentity& identity,
                                              const std::string& boot_id,
                                              const policies::NodePolicies& policies);

}  // namespace plimsoll::controller::ingest
