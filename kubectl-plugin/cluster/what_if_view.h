#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kubectl-plugin/cluster/fleet.h"
#include "kubectl-plugin/policy_files.h"

namespace plimsoll::plugin {

// What would be if the proposed objects were applied, from the facts that are stored of every node:
//
//  {"policies": [{"name", "change": "new"/"changed"/"same", "mode", "problem", "matched",
//                 "passing", "failing", "unknown", "nodes": [{"name", "result", "reason",
//                 "message"}]}],      those in the files, and those that judge a node differently
//   "changes": [{"node", "from", "to", "reason", "message"}],
//   "withoutFacts": [names],          nodes of which nothing is proven
//   "notes": [sentences]}
//
// Proposed objects take the place of those of their name. Needs `fleet.nodes` for labels, and
// boot records kept. A policy's rules about IMA keep their last result where the policy stays as it
// is, and are Unknown where it is new: stored facts hold no list of files.
nlohmann::ordered_json WhatIfView(const Fleet& fleet, PolicyObjects proposed, WallTime now);

}  // namespace plimsoll::plugin
