#include "http/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace plimsoll::http {

RateLimiter::RateLimiter(RateLimit limit, size_t max_keys, const Clock& clock)
    : limit_(limit), max_keys_(std::max<size_t>(max_keys, 1)), clock_(clock) {}

double RateLimiter::TokensAt(const Bucket& bucket, MonotonicTime now) const {
  const double minutes =
      std::chrono::duration<double, std::ratio<60>>(now - bucket.filled_at).count();
  return std::min(limit_.burst, bucket.tokens + std::max(minutes, 0.0) * limit_.per_minute);
}

std::optional<std::chrono::seconds> RateLimiter::Admit(std::string_view key) {
  const MonotonicTime now = clock_.Monotonic();
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found != index_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
  } else {
    if (buckets_.size() >= max_keys_) {
      index_.erase(buckets_.back().key);
      buckets_.pop_back();
    }
    buckets_.push_front(Bucket{.key = std::string(key), .tokens = limit_.burst, .filled_at = now});
    index_.emplace(buckets_.front().key, buckets_.begin());
  }
  Bucket& bucket = buckets_.front();
  bucket.tokens = TokensAt(bucket, now);
  bucket.filled_at = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const double seconds = std::ceil((1 - bucket.tokens) / limit_.per_minute * 60);
  return std::chrono::seconds(std::max<int64_t>(1, static_cast<int64_t>(seconds)));
}

bool RateLimiter::Exhausted(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  return found != index_.end() && TokensAt(*found->second, clock_.Monotonic()) < 1;
}

size_t RateLimiter::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace plimsoll::http
