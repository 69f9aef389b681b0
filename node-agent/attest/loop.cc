#include "node-agent/attest/loop.h"

#include <condition_variable>
#include <string_view>

namespace plimsoll::attest {
namespace {

std::string_view ToString(Origin origin) {
  switch (origin) {
    case Origin::kTpm:
      return "tpm";
    case Origin::kController:
      return "controller";
    case Origin::kHost:
      break;
  }
  return "host";
}

}  // namespace

void Condition::Attested() {
  const std::lock_guard lock(mutex_);
  trouble_.reset();
}

void Condition::Failed(const Failure& failure) {
  const std::lock_guard lock(mutex_);
  trouble_ = failure.error.message;
}

Status Condition::Ready() const {
  const std::lock_guard lock(mutex_);
  if (trouble_) {
    return Fail(ErrorCode::kUnavailable, *trouble_, Retry::kBackoff);
  }
  return {};
}

void WaitForReal(std::chrono::milliseconds duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
}

void AttestUntilStopped(Rounds& rounds, Schedule& schedule, Condition& condition, const Wait& wait,
                        telemetry::Logger& log, std::stop_token stop) {
  std::string last_verdict;
  while (!stop.stop_requested()) {
    std::chrono::milliseconds delay{0};
    auto outcome = rounds.Run(stop);
    if (stop.stop_requested()) {
      return;
    }
    if (outcome) {
      delay = schedule.AfterVerdict(outcome->next_attestation_in);
      condition.Attested();
      // A verdict that stays is no news.
      const std::string verdict = outcome->verdict + "/" + outcome->reason;
      log.Log(verdict == last_verdict ? telemetry::Level::kDebug : telemetry::Level::kInfo,
              "attested",
              {{"verdict", outcome->verdict},
               {"reason", outcome->reason},
               {"message", outcome->message},
               {"nextSeconds", outcome->next_attestation_in.count()}});
      last_verdict = verdict;
    } else {
      const Failure& failure = outcome.error();
      delay = schedule.AfterFailure(failure);
      condition.Failed(failure);
      last_verdict.clear();
      log.Warning("no verdict", {{"cause", ToString(failure.origin)},
                                 {"reason", failure.reason},
                                 {"error", failure.error.message},
                                 {"nextMilliseconds", delay.count()}});
      if (failure.origin == Origin::kTpm) {
        if (const auto told = rounds.Report(failure.error, stop); !told) {
          log.Warning("the controller could not be told", {{"error", told.error().error.message}});
        }
      }
    }
    wait(delay, stop);
  }
}

}  // namespace plimsoll::attest
