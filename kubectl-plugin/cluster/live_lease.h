#pragma once

#include <optional>
#include <string>

#include "kubectl-plugin/cluster/connection.h"

namespace plimsoll::plugin {

// The holder of a Lease that was renewed within its duration, by the clocks of both sides; nullopt
// when nobody holds it, or there is no such Lease or namespace.
Result<std::optional<std::string>> LiveHolder(Connection& connection,
                                              const std::string& namespace_name,
                                              const std::string& name, WallTime now);

}  // namespace plimsoll::plugin
