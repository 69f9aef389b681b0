#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "kubectl-plugin/program.h"

namespace plimsoll::plugin {

// A whole file, or standard input for "-". Fails, with the path in the message, when it cannot be
// read or has more than `max_bytes` (kTooLarge).
Result<std::string> ReadFile(const std::string& path, size_t max_bytes,
                             const Surroundings& surroundings);

// Says on standard error why the command ends, on one line fit for a terminal, and returns
// kExitUnusable.
int Unusable(const Error& error, const Surroundings& surroundings);

}  // namespace plimsoll::plugin
