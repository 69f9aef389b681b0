#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace plimsoll::http {

struct RateLimit {
  double per_minute;  // refill
  double burst;       // the most that can be saved up, and what a new key starts with
};

// The protocol's rates for one node.
inline constexpr RateLimit kRequestsPerNode = {.per_minute = 30, .burst = 20};
inline constexpr RateLimit kEnrollmentsPerNode = {.per_minute = 6, .burst = 3};

// A token bucket for each key. Thread-safe. Uses the monotonic clock alone.
//
// Remembers at most `max_keys`; beyond it the key that was used longest ago is forgotten and starts
// anew, so `max_keys` should be several times the number of honest keys.
class RateLimiter {
 public:
  RateLimiter(RateLimit limit, size_t max_keys, const Clock& clock);

  // Takes one token. Nullopt when there was one, else the whole seconds (at least 1) until there
  // will be, for Retry-After; refused calls cost nothing.
  std::optional<std::chrono::seconds> Admit(std::string_view key);

  // Whether Admit would refuse now. Takes nothing and remembers nothing.
  bool Exhausted(std::string_view key) const;

  size_t size() const;

 private:
  struct Bucket {
    std::string key;
    double tokens;
    MonotonicTime filled_at;
  };

  double TokensAt(const Bucket& bucket, MonotonicTime now) const;

  const RateLimit limit_;
  const size_t max_keys_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::list<Bucket> buckets_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Bucket>::iterator>
      index_;  // keys live in buckets_
};

}  // namespace plimsoll::http
