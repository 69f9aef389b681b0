#pragma once

#include <string>

#include "api/node_attestation.h"
#include "appraisal/judgement.h"
#include "kubectl-plugin/cluster/connection.h"

namespace plimsoll::plugin {

struct NodeFacts {
  api::NodeAttestation attestation;
  appraisal::Facts facts;
};

// What one node's last good quote proved. kNotFound when there is no such NodeAttestation, or
// nothing was ever proven; kMalformed when what is stored cannot be read.
Result<NodeFacts> ReadNodeFacts(Connection& connection, const std::string& node);

}  // namespace plimsoll::plugin
