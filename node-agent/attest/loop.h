#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "node-agent/attest/round.h"
#include "node-agent/attest/schedule.h"
#include "telemetry/log.h"

namespace plimsoll::attest {

// How the agent is doing, for its health port. Thread-safe.
class Condition {
 public:
  void Attested();
  void Failed(const Failure& failure);

  // Whether the last round reached its verdict, whichever that was; before the first one, not.
  Status Ready() const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> trouble_ = "no round has ended yet";
};

// Waits; ends early when `stop` is requested.
using Wait = std::function<void(std::chrono::milliseconds, std::stop_token)>;

// By the monotonic clock of the system.
void WaitForReal(std::chrono::milliseconds duration, std::stop_token stop);

// Round after round until `stop` is requested. Whatever goes wrong is logged, reported to the
// controller when it is the TPM's, and tried again later: nothing ends the loop.
void AttestUntilStopped(Rounds& rounds, Schedule& schedule, Condition& condition, const Wait& wait,
                        telemetry::Logger& log, std::stop_token stop);

}  // namespace plimsoll::attest
