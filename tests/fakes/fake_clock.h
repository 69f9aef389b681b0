#pragma once

#include <chrono>
#include <mutex>

#include "base/clock.h"

namespace plimsoll::fakes {

// A clock that stands still until it is moved. Thread-safe.
class FakeClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override {
    const std::lock_guard lock(mutex_);
    return monotonic_;
  }
  WallTime Wall() const override {
    const std::lock_guard lock(mutex_);
    return wall_;
  }

  // Time passes for both clocks.
  void Advance(std::chrono::nanoseconds by) {
    const std::lock_guard lock(mutex_);
    monotonic_ += std::chrono::duration_cast<MonotonicTime::duration>(by);
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }
  // Someone sets the wall clock.
  void SetWall(WallTime wall) {
    const std::lock_guard lock(mutex_);
    wall_ = wall;
  }

 private:
  mutable std::mutex mutex_;
  MonotonicTime monotonic_{std::chrono::hours(1000)};
  WallTime wall_{std::chrono::seconds(1'795'507'200)};  // 2026-11-24T08:00:00Z
};

}  // namespace plimsoll::fakes
