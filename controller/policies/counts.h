#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "kube/lookup.h"
#include "policy/compiled_policy.h"

namespace plimsoll::controller::policies {

// How the nodes that a policy selects fare under it, as their NodeAttestations say. A node counts
// as unknown until it was judged with this very generation of the policy.
struct PolicyCounts {
  int64_t matched = 0;
  int64_t passing = 0;
  int64_t failing = 0;
  int64_t unknown = 0;
  int64_t tainted = 0;  // matched nodes that carry a taint with our key

  bool operator==(const PolicyCounts&) const = default;
};

PolicyCounts CountNodes(const policy::CompiledPolicy& policy,
                        const std::vector<std::shared_ptr<const Node>>& nodes,
                        const Lookup<NodeAttestation>& attestations, const std::string& taint_key);

// The result of the policy on a node: Pass, Fail or Unknown. `attestation` may be null.
std::string ResultOn(const policy::CompiledPolicy& policy, const Node& node,
                     const NodeAttestation* attestation);

}  // namespace plimsoll::controller::policies
