#include "controller/enforce/enforcer.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

namespace plimsoll::controller::enforce {
namespace {

constexpr std::chrono::milliseconds kIdle{1'000};

// Waits for `delay` or until `stop` is requested; false in the latter case.
bool Sleep(std::chrono::milliseconds delay, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Enforcer::Enforcer(NodeReconciler& reconciler, const Lookup<Node>& nodes, const Clock& clock,
                   telemetry::Logger& logger, EnforcerOptions options)
    : reconciler_(reconciler),
      nodes_(nodes),
      clock_(clock),
      logger_(logger),
      options_(std::move(options)),
      queue_(clock) {
  reconciler_.OnWake([this](const std::string& node_name) { Enqueue(node_name); });
}

Enforcer::~Enforcer() {
  Stop();
  reconciler_.OnWake({});
}

void Enforcer::Start(MonotonicTime leader_since) {
  reconciler_.LeaderSince(leader_since);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return;
    }
    running_ = true;
    for (int worker = 0; worker < options_.workers; ++worker) {
      threads_.emplace_back([this](std::stop_token stop) { Work(stop); });
    }
    threads_.emplace_back([this](std::stop_token stop) { Resync(stop); });
  }
  logger_.Info("enforcement begins", {{"nodes", nodes_.List().size()}});
}

void Enforcer::Stop() {
  std::vector<std::jthread> ending;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    stopped_ = true;
    ending = std::exchange(threads_, {});
  }
  for (std::jthread& thread : ending) {
    thread.request_stop();
  }
  for (std::jthread& thread : ending) {
    thread.join();
  }
}

void Enforcer::Enqueue(const std::string& node_name) {
  const std::lock_guard lock(mutex_);
  if (running_) {
    queue_.Add(node_name);
  }
}

void Enforcer::EnqueueAll() {
  for (const auto& node : nodes_.List()) {
    Enqueue(node->meta.name);
  }
}

void Enforcer::Work(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto name = queue_.Get(stop, kIdle);
    if (!name) {
      continue;
    }
    const auto again = reconciler_.Reconcile(*name);
    if (!again) {
      logger_.Warning("node was not brought to its state",
                      {{"node", *name}, {"error", again.error().message}});
      queue_.Retry(*name);
    } else {
      queue_.Forget(*name);
      if (*again) {
        queue_.AddAfter(*name, **again);
      }
    }
    queue_.Done(*name);
  }
}

void Enforcer::Resync(std::stop_token stop) {
  MonotonicTime next_resync = clock_.Monotonic();
  MonotonicTime next_period = next_resync;
  while (!stop.stop_requested()) {
    const MonotonicTime now = clock_.Monotonic();
    if (now >= next_resync) {
      EnqueueAll();
      next_resync = now + options_.resync;
    }
    if (options_.periodic && now >= next_period) {
      options_.periodic();
      next_period = now + options_.period;
    }
    if (!Sleep(std::min({kIdle, options_.resync, options_.period}), stop)) {
      return;
    }
  }
}

}  // namespace plimsoll::controller::enforce
