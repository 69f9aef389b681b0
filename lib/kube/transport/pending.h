#pragma once

#include <pplx/pplxtasks.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/result.h"

// Private to this folder: cpprest_transport.cc alone includes it.
namespace plimsoll::transport {

// Waits for a task of the library, with a deadline and a stop token, on the calling thread.
//
// The task's outcome is always looked at, by a continuation, since an exception that nobody
// observes ends the process. When the wait is given up, `cancel` is called and the outcome goes
// nowhere; `keep` is whatever the task still writes to.
template <class T>
Result<T> WaitFor(pplx::task<T> task, std::chrono::steady_clock::time_point deadline,
                  std::stop_token stop, const pplx::cancellation_token_source& cancel,
                  std::shared_ptr<void> keep = {}) {
  struct Outcome {
    std::mutex mutex;
    std::condition_variable_any changed;
    bool done = false;
    std::optional<T> value;
    std::string problem;
  };
  auto outcome = std::make_shared<Outcome>();
  task.then([outcome, keep = std::move(keep)](pplx::task<T> finished) {
    std::optional<T> value;
    std::string problem;
    try {
      value = finished.get();
    } catch (const std::exception& error) {
      problem = error.what();
    } catch (...) {
      problem = "unknown failure";
    }
    {
      const std::lock_guard lock(outcome->mutex);
      outcome->value = std::move(value);
      outcome->problem = std::move(problem);
      outcome->done = true;
    }
    outcome->changed.notify_all();
  });

  std::unique_lock lock(outcome->mutex);
  if (!outcome->changed.wait_until(lock, stop, deadline, [&] { return outcome->done; })) {
    lock.unlock();
    cancel.cancel();
    if (stop.stop_requested()) {
      return Fail(ErrorCode::kTimeout, "the request was stopped", Retry::kNever);
    }
    return Fail(ErrorCode::kTimeout, "the server did not answer in time", Retry::kBackoff);
  }
  if (!outcome->value) {
    return Fail(ErrorCode::kUnavailable, "connection failed: " + outcome->problem, Retry::kBackoff);
  }
  return *std::move(outcome->value);
}

}  // namespace plimsoll::transport
