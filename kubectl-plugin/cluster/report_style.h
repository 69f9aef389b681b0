#pragma once

#include <string_view>

namespace plimsoll::plugin {

// The style sheet of `report --html`: screen (light and dark) and A4 paper. No external resource.
extern const std::string_view kReportStyle;

}  // namespace plimsoll::plugin
