#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plimsoll::ima {

// Foreign text for people. UTF-8 stays; control characters, backslashes, characters that reorder or
// hide text, and bytes that are not UTF-8 become \n, \\ or \xHH; what is over `max_bytes` is cut
// and marked with "...".
std::string Escape(std::string_view text, size_t max_bytes = 256);

}  // namespace plimsoll::ima
