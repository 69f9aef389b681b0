#include "node-agent/app/program.h"

#include <signal.h>

#include <cstdlib>

#include "crypto/random.h"
#include "kube/transport/transport.h"
#include "node-agent/app/steps.h"
#include "node-agent/tpm/device.h"

namespace plimsoll::agent {
namespace {

constexpr std::chrono::milliseconds kStopPatience{700};
constexpr std::chrono::milliseconds kDrain{100};

// The signals that end the program, taken by nobody but WaitForSignal.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  return ending;
}

int WaitForSignal(const sigset_t& ending) {
  int number = 0;
  while (sigwait(&ending, &number) != 0) {
  }
  return number;
}

}  // namespace

int Run(const Options& options) {
  const sigset_t ending = BlockSignals();
  tpm::SilenceLibrary();
  transport::InitialiseTransportThreads(1);
  const auto log = telemetry::MakeLogger({options.log_format, options.log_level});
  const SystemClock clock;
  crypto::SystemRandom random;
  attest::Condition condition;
  const auto metrics = ProgramMetrics::Create();
  if (!metrics) {
    log->Error("cannot start", {{"error", metrics.error().message}});
    return kExitCannotStart;
  }
  const auto health = StartHealthPort(options.metrics_listen, condition, **metrics, clock);
  if (!health) {
    log->Error("cannot start", {{"error", health.error().message}});
    return kExitCannotStart;
  }
  AttestationThread attestation(options, clock, random, **metrics, condition, *log);
  log->Info("started", {{"version", PLIMSOLL_VERSION},
                        {"controller", options.controllers.front()},
                        {"tcti", options.tcti},
                        {"metricsPort", (*health)->port()}});

  const int number = WaitForSignal(ending);
  log->Info("stopping", {{"signal", number}});
  if (!attestation.Stop(kStopPatience)) {
    // The driver gives the TPM back when the process is gone; threads cannot be waited for.
    log->Warning("the TPM does not answer; leaving it");
    std::_Exit(kExitStopped);
  }
  (*health)->Stop(kDrain);
  return kExitStopped;
}

}  // namespace plimsoll::agent
