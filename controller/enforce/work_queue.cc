#include "controller/enforce/work_queue.h"

#include <algorithm>

namespace plimsoll::controller::enforce {

void WorkQueue::Add(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    AddLocked(key);
  }
  changed_.notify_one();
}

void WorkQueue::AddAfter(const std::string& key, std::chrono::nanoseconds delay) {
  {
    const std::lock_guard lock(mutex_);
    AddAfterLocked(key, clock_.Monotonic() + delay);
  }
  changed_.notify_one();  // a waiting worker may now have to wait less
}

void WorkQueue::Retry(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    constexpr int kMaxDoublings = 14;  // 5 ms * 2^14 is above kMaxBackoff
    const int failures = std::min(failures_[key]++, kMaxDoublings);
    AddAfterLocked(
        key, clock_.Monotonic() + std::min(kMaxBackoff, kFirstBackoff * (int64_t{1} << failures)));
    ++counters_.retries;
  }
  changed_.notify_one();
}

void WorkQueue::Forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  failures_.erase(key);
}

std::optional<std::string> WorkQueue::Get(std::stop_token stop, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto give_up = std::chrono::steady_clock::now() + timeout;
  while (!stop.stop_requested()) {
    PromoteDue();
    if (!ready_.empty()) {
      std::string key = std::move(ready_.front());
      ready_.pop_front();
      waiting_.erase(key);
      working_.insert(key);
      return key;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= give_up) {
      return std::nullopt;
    }
    std::chrono::nanoseconds wait = give_up - now;
    if (!schedule_.empty()) {
      wait =
          std::min<std::chrono::nanoseconds>(wait, schedule_.begin()->first - clock_.Monotonic());
    }
    changed_.wait_for(lock, stop, wait, [&, seen = version_] { return version_ != seen; });
  }
  return std::nullopt;
}

void WorkQueue::Done(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    working_.erase(key);
    if (waiting_.count(key) == 0) {
      return;
    }
    ready_.push_back(key);
    ++version_;
  }
  changed_.notify_one();
}

WorkQueue::Counters WorkQueue::counters() const {
  const std::lock_guard lock(mutex_);
  Counters counters = counters_;
  counters.depth = ready_.size();
  return counters;
}

void WorkQueue::AddLocked(const std::string& key) {
  if (!waiting_.insert(key).second) {
    return;
  }
  ++counters_.adds;
  if (working_.count(key) == 0) {
    ready_.push_back(key);
    ++version_;
  }
}

void WorkQueue::AddAfterLocked(const std::string& key, MonotonicTime due) {
  const auto found = due_.find(key);
  if (found != due_.end()) {
    if (found->second <= due) {
      return;
    }
    schedule_.erase({found->second, key});
  }
  due_.insert_or_assign(key, due);
  schedule_.emplace(due, key);
  ++version_;
}

void WorkQueue::PromoteDue() {
  const MonotonicTime now = clock_.Monotonic();
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    const std::string key = schedule_.begin()->second;
    schedule_.erase(schedule_.begin());
    due_.erase(key);
    AddLocked(key);
  }
}

}  // namespace plimsoll::controller::enforce
