#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.h"

namespace plimsoll::plugin {

// A ReportView as one HTML page that stands alone: no script, nothing loaded from anywhere, and a
// content security policy that says so.
std::string ReportPage(const nlohmann::ordered_json& view, WallTime now);

}  // namespace plimsoll::plugin
