#include "kubectl-plugin/cluster/node_facts.h"

#include "api/stored_facts.h"

namespace plimsoll::plugin {

Result<NodeFacts> ReadNodeFacts(Connection& connection, const std::string& node) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text,
                            connection.client().Get({kube::kNodeAttestation, node}));
  PLIMSOLL_ASSIGN_OR_RETURN(api::NodeAttestation attestation, api::NodeAttestation::Parse(text));
  auto facts = api::StoredFacts(attestation.status);
  if (!facts) {
    return Wrap("the stored facts of node " + node, facts.error());
  }
  if (facts->pcrs.empty()) {
    return Fail(ErrorCode::kNotFound, "no quote of node " + node +
                                          " has been verified yet: nothing is known of its boot");
  }
  return NodeFacts{std::move(attestation), *std::move(facts)};
}

}  // namespace plimsoll::plugin
