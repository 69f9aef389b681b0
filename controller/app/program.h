#pragma once

#include <string>

#include "controller/config/options.h"

namespace plimsoll::controller {

// The exit codes of the program.
inline constexpr int kExitStopped = 0;         // asked to end
inline constexpr int kExitUsage = 2;           // a flag is wrong
inline constexpr int kExitCannotStart = 3;     // a configuration or an address cannot be used
inline constexpr int kExitLeadershipLost = 4;  // to be started again

// Runs the controller until SIGTERM or SIGINT, or until it loses the leadership. Call once, from
// main, before any other thread is started: it blocks the signals that it waits for. Returns the
// exit code.
int Run(const Options& options);

}  // namespace plimsoll::controller
