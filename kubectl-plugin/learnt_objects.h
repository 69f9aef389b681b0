#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/documents.h"
#include "kubectl-plugin/learner.h"

namespace plimsoll::plugin {

// Objects that were made, for a file: YAML documents, or as JSON the one object or a List.
void PrintObjects(const std::vector<nlohmann::ordered_json>& objects, Format format,
                  const Surroundings& surroundings);

// Prints what was learnt from one machine, with the first policy that the machine itself passes:
// the one by events, or else the one by values. `passes` is given both objects as YAML. Exit code.
int PrintBaseline(const Learner& learner, BaselineKinds kinds, Format format,
                  const std::function<bool(const std::string& yaml)>& passes,
                  const Surroundings& surroundings);

}  // namespace plimsoll::plugin
