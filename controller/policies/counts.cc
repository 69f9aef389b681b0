#include "controller/policies/counts.h"

#include <algorithm>

namespace plimsoll::controller::policies {

std::string ResultOn(const policy::CompiledPolicy& policy, const Node& node,
                     const NodeAttestation* attestation) {
  if (attestation == nullptr || attestation->status.node_uid != node.meta.uid) {
    return "Unknown";
  }
  const auto& results = attestation->status.policies;
  const auto found = std::find_if(results.begin(), results.end(), [&](const PolicyResult& result) {
    return result.uid == policy.meta().uid;
  });
  if (found == results.end() || found->observed_generation != policy.meta().generation) {
    return "Unknown";
  }
  return found->result;
}

PolicyCounts CountNodes(const policy::CompiledPolicy& policy,
                        const std::vector<std::shared_ptr<const Node>>& nodes,
                        const Lookup<NodeAttestation>& attestations, const std::string& taint_key) {
  PolicyCounts counts;
  for (const auto& node : nodes) {
    if (!policy.Selects({node->meta.labels.begin(), node->meta.labels.end()})) {
      continue;
    }
    ++counts.matched;
    const auto attestation = attestations.Get(node->meta.name);
    const std::string result = ResultOn(policy, *node, attestation.get());
    if (result == "Pass") {
      ++counts.passing;
    } else if (result == "Fail") {
      ++counts.failing;
    } else {
      ++counts.unknown;
    }
    if (std::any_of(node->taints.begin(), node->taints.end(),
                    [&](const Taint& taint) { return taint.key == taint_key; })) {
      ++counts.tainted;
    }
  }
  return counts;
}

}  // namespace plimsoll::controller::policies
