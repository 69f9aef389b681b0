#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "http/server.h"
#include "node-agent/app/metrics.h"
#include "node-agent/attest/loop.h"
#include "node-agent/config/options.h"
#include "telemetry/log.h"

// The steps of Run, each of which a test can take.

namespace plimsoll::agent {

// Listens for the kubelet and Prometheus: /livez holds as long as the process answers, /readyz
// after the last round gave a verdict, /metrics. The arguments must outlive the server.
Result<std::unique_ptr<http::Server>> StartHealthPort(const ListenAddress& listen,
                                                      const attest::Condition& condition,
                                                      const ProgramMetrics& metrics,
                                                      const Clock& clock);

// The thread that owns the TPM and does the rounds.
class AttestationThread {
 public:
  // The arguments must outlive it.
  AttestationThread(const Options& options, const Clock& clock, Random& random,
                    ProgramMetrics& metrics, attest::Condition& condition, telemetry::Logger& log);

  // Asks it to stop. False when it does not within `patience`: it then waits for a TPM driver that
  // cannot be interrupted.
  bool Stop(std::chrono::milliseconds patience);

 private:
  std::promise<void> ended_;
  std::future<void> end_ = ended_.get_future();
  std::jthread thread_;
};

}  // namespace plimsoll::agent
