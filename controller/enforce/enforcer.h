#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "controller/enforce/reconciler.h"
#include "controller/enforce/work_queue.h"
#include "controller/objects.h"
#include "kube/lookup.h"
#include "telemetry/log.h"

namespace plimsoll::controller::enforce {

struct EnforcerOptions {
  int workers = 2;

  // Every node is looked at again this often, whatever was reported: the net under lost events.
  std::chrono::milliseconds resync{30'000};

  // Period of `periodic`.
  std::chrono::milliseconds period{5'000};

  // What else a leader does now and then, on one thread: status of policies and authorities.
  std::function<void()> periodic = {};
};

// The leader's threads: a queue of node names and the workers that reconcile them.
//
// Enqueue and EnqueueAll are for informer callbacks: they never block, and do nothing before Start
// and after Stop. A Start after Stop does nothing. Thread-safe; Start is called once.
class Enforcer {
 public:
  // All must outlive the enforcer.
  Enforcer(NodeReconciler& reconciler, const Lookup<Node>& nodes, const Clock& clock,
           telemetry::Logger& logger, EnforcerOptions options);
  ~Enforcer();  // Stop()
  Enforcer(const Enforcer&) = delete;
  Enforcer& operator=(const Enforcer&) = delete;

  // Begins with every node. `leader_since` is when this replica became the leader.
  void Start(MonotonicTime leader_since);

  // Ends the threads after the node that each is working on; nothing is written afterwards.
  void Stop();

  void Enqueue(const std::string& node_name);
  void EnqueueAll();

  WorkQueue::Counters queue_counters() const { return queue_.counters(); }

 private:
  void Work(std::stop_token stop);
  void Resync(std::stop_token stop);

  NodeReconciler& reconciler_;
  const Lookup<Node>& nodes_;
  const Clock& clock_;
  telemetry::Logger& logger_;
  const EnforcerOptions options_;
  WorkQueue queue_;

  mutable std::mutex mutex_;
  bool running_ = false;
  bool stopped_ = false;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace plimsoll::controller::enforce
