#include "http/worker_pool.h"

#include <pthread.h>

#include <chrono>
#include <stop_token>

namespace plimsoll::http {

WorkerPool::WorkerPool(const std::string& name, size_t threads, size_t queue_capacity)
    : queue_(queue_capacity) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name](std::stop_token stop) {
      pthread_setname_np(pthread_self(), name.c_str());
      while (!stop.stop_requested()) {
        if (auto job = queue_.Pop(stop, std::chrono::hours(1))) {
          (*job)();
        }
      }
    });
  }
}

WorkerPool::~WorkerPool() { Stop(); }

void WorkerPool::Stop() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
  threads_.clear();
}

}  // namespace plimsoll::http
