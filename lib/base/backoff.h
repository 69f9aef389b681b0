#pragma once

#include <chrono>

#include "base/random.h"

namespace plimsoll {

// Exponential backoff with full jitter: the n-th delay is uniform in [0, min(cap, base * 2^n)), so
// that clients that failed together do not return together. Not thread-safe; one for each thing
// that is retried.
class Backoff {
 public:
  Backoff(Random& random, std::chrono::milliseconds base, std::chrono::milliseconds cap)
      : random_(random), base_(base), cap_(cap), ceiling_(base) {}

  // The delay before the next attempt; never under a twentieth of the present ceiling, so that a
  // row of small draws cannot hammer a peer.
  std::chrono::milliseconds Next();

  // After a success: the next delay is short again.
  void Reset() { ceiling_ = base_; }

 private:
  Random& random_;
  std::chrono::milliseconds base_;
  std::chrono::milliseconds cap_;
  std::chrono::milliseconds ceiling_;
};

}  // namespace plimsoll
