#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "kubectl-plugin/cluster/fleet.h"

namespace plimsoll::plugin {

// The state of a whole cluster, as the document of `status -o json`; `report` shows the same and
// more. What is fine is counted, what is not is listed.
nlohmann::ordered_json StatusView(const Fleet& fleet, WallTime now);

// One row for each node: {"name", "verdict", "reason", "message", "since", "lastVerified",
// "failedPolicies", "label", "taint", "withheldBy", "tpmFirmware"}.
nlohmann::ordered_json NodeRows(const Fleet& fleet);

// Why a set of reference values may be stale: its state, its time, or that no node matches it.
// Empty when it is fine.
std::vector<std::string> StalenessOf(const ReferenceRecord& set, WallTime now);

}  // namespace plimsoll::plugin
