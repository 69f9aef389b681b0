#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plimsoll {

using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// The two clocks of a program, passed by reference so that tests can hold them still.
//
// Expiry, leases and deadlines use Monotonic(), which no administrator can set back; Wall() is for
// certificates and for what people read. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Monotonic() const = 0;
  virtual WallTime Wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override { return std::chrono::steady_clock::now(); }
  WallTime Wall() const override { return std::chrono::system_clock::now(); }
};

// RFC 3339 in UTC. Seconds are what Kubernetes' metav1.Time has; MicroTime has exactly six fraction digits.
std::string FormatTime(WallTime time);       // 2026-11-24T08:00:00Z
std::string FormatMicroTime(WallTime time);  // 2026-11-24T08:00:00.000000Z

// The times of certificates, which may lie beyond what WallTime holds (its 64 bits of nanoseconds
// end in 2262): years 0 to 9999.
std::string FormatTime(std::chrono::sys_seconds time);
Result<std::chrono::sys_seconds> ParseSeconds(std::string_view text);  // a fraction is cut off

// Takes both forms; another offset than Z, a leap second, an impossible date or a year that
// WallTime cannot hold is kMalformed.
Result<WallTime> ParseTime(std::string_view text);

}  // namespace plimsoll
