#include "node-agent/app/steps.h"

#include <pthread.h>

#include <utility>

#include "http/health.h"
#include "node-agent/attest/controller.h"
#include "node-agent/attest/round.h"
#include "node-agent/attest/schedule.h"

namespace plimsoll::agent {
namespace {

void Attest(const Options& options, const Clock& clock, Random& random, ProgramMetrics& metrics,
            attest::Condition& condition, telemetry::Logger& log, std::stop_token stop) {
  const auto tpm = attest::MakeTpmAccess(options.tcti, clock, metrics, stop);
  attest::Rounds rounds(
      {options.key_profiles, options.controllers, options.host_files, options.log_files},
      attest::MakeConnector(
          {options.controllers, options.controller_name, options.ca_file, options.token_file}),
      *tpm, log);
  attest::Schedule schedule(random);
  attest::AttestUntilStopped(rounds, schedule, condition, &attest::WaitForReal, log, stop);
}

}  // namespace

Result<std::unique_ptr<http::Server>> StartHealthPort(const ListenAddress& listen,
                                                      const attest::Condition& condition,
                                                      const ProgramMetrics& metrics,
                                                      const Clock& clock) {
  http::HealthEndpoints endpoints;
  endpoints.ready = {{"attestation", [&condition] { return condition.Ready(); }}};
  endpoints.metrics = [&metrics] { return metrics.Serialise(); };
  PLIMSOLL_ASSIGN_OR_RETURN(http::Router router, http::HealthRouter(std::move(endpoints)));
  http::ServerOptions wanted;
  wanted.address = listen.address;
  wanted.port = listen.port;
  wanted.security = http::Security::kPlain;
  wanted.name = "health";
  // A kubelet and a few scrapers.
  wanted.limits.max_connections = 64;
  wanted.limits.handler_threads = 1;
  wanted.limits.authentication_threads = 1;
  return http::Server::Create(std::move(wanted), std::move(router), nullptr, clock);
}

AttestationThread::AttestationThread(const Options& options, const Clock& clock, Random& random,
                                     ProgramMetrics& metrics, attest::Condition& condition,
                                     telemetry::Logger& log)
    : thread_([&, this](std::stop_token stop) {
        pthread_setname_np(pthread_self(), "attestation");
        Attest(options, clock, random, metrics, condition, log, std::move(stop));
        ended_.set_value();
      }) {}

bool AttestationThread::Stop(std::chrono::milliseconds patience) {
  thread_.request_stop();
  return end_.wait_for(patience) == std::future_status::ready;
}

}  // namespace plimsoll::agent
