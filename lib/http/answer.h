#pragma once

#include <string>

#include "base/clock.h"
#include "http/message.h"

namespace plimsoll::http {

// Status line and headers of an answer, with the empty line. `close` says whether the connection
// ends with it. Text from handlers that could break out of its header is left out.
std::string FormatAnswerHead(const Response& response, bool close, WallTime now);

}  // namespace plimsoll::http
