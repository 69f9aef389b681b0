#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kubectl-plugin/cluster/explain_view.h"
#include "kubectl-plugin/cluster/fleet.h"

namespace plimsoll::plugin {

// What StatusView has, and with it all nodes ("allNodes"), an explanation of each untrusted one
// ("explanations"), all identities, all reference sets, and how many nodes have which firmware
// ("tpmFirmware", "bootFirmware": [{"version", "nodes"}]). `fleet` has boot records kept.
nlohmann::ordered_json ReportView(const Fleet& fleet, const MarkKeyOptions& keys, WallTime now);

}  // namespace plimsoll::plugin
