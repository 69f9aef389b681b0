#pragma once

#include "node-agent/config/options.h"

// node-agent/app puts the program together: what is started in which order, and ended in which.

namespace plimsoll::agent {

// The exit codes of the program.
inline constexpr int kExitStopped = 0;      // asked to end
inline constexpr int kExitUsage = 2;        // a flag is wrong
inline constexpr int kExitCannotStart = 3;  // the address of the health port cannot be used
inline constexpr int kExitNoBundle = 1;     // `bundle` could not write one

// Runs the agent until SIGTERM or SIGINT; then ends within a second, whatever the TPM does. Call
// once, from main, before any other thread is started: it blocks the signals that it waits for.
// Returns the exit code. Neither a missing TPM nor a missing controller ends it.
int Run(const Options& options);

// plimsoll-agent bundle: writes an evidence bundle of this machine and ends. Says on standard error
// what is in the way.
int WriteBundle(const Options& options, const BundleCommand& command);

}  // namespace plimsoll::agent
