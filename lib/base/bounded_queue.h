#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace plimsoll {

// A queue between threads that refuses rather than grows. Thread-safe.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // False when the queue is full; the item is then dropped, and the caller says so to whoever sent
  // it.
  bool Push(T item) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= capacity_) {
        return false;
      }
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
    return true;
  }

  // The oldest item, waiting for one; nullopt when `stop` is requested or `timeout` passes first.
  std::optional<T> Pop(std::stop_token stop, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, timeout, [this] { return !items_.empty(); });
    if (items_.empty() || stop.stop_requested()) {
      return std::nullopt;
    }
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<T> items_;
};

}  // namespace plimsoll
