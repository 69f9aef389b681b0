#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.h"
#include "kubectl-plugin/cluster/fleet.h"

namespace plimsoll::plugin {

// Keys of the marks on Nodes, as the release has them (chart values enforcement.*).
struct MarkKeyOptions {
  std::string label = "plimsoll.dev.node-restriction.kubernetes.io/trusted";
  std::string taint = "plimsoll.dev/untrusted";
  std::string condition = "plimsoll.dev/Trusted";
};

// Everything that explains one node's verdict, as the document of `explain -o json`: from the
// verdict to the policy to the check to the boot event, with the marks, the identity, what has
// happened, and what to do. `attestation` has its boot record.
nlohmann::ordered_json ExplainView(const api::NodeAttestation& attestation, const Fleet& fleet,
                                   const MarkKeyOptions& keys, WallTime now);

// The exceptions that are in force for a node, by name. One with a selector counts where the
// enforcement of the node names it.
std::vector<const ExceptionRecord*> ExceptionsOf(const api::NodeAttestation& attestation,
                                                 const Fleet& fleet, WallTime now);

// Why a taint is not set, in a sentence: from status.enforcement.withheldBy. Empty for "".
std::string WhyWithheld(const std::string& withheld_by, const Fleet& fleet, WallTime now);

}  // namespace plimsoll::plugin
