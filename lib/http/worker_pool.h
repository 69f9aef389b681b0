#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"

namespace plimsoll::http {

// Threads for what may block, with a queue that refuses rather than grows. Thread-safe.
class WorkerPool {
 public:
  // `name` is that of the threads, at most 15 characters.
  WorkerPool(const std::string& name, size_t threads, size_t queue_capacity);
  // Waits for the jobs that run; those in the queue are dropped.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full. `job` must not throw.
  bool Submit(std::function<void()> job) { return queue_.Push(std::move(job)); }

  // Begins what the destructor does, and waits. Not to be called from a job.
  void Stop();

 private:
  BoundedQueue<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace plimsoll::http
