#pragma once

#include <chrono>
#include <optional>

#include "base/backoff.h"
#include "base/random.h"
#include "node-agent/attest/failure.h"

namespace plimsoll::attest {

// When the next round begins.
//
//   after a verdict                when the controller said (it has jittered that)
//   after a failure                exponential backoff with full jitter, from 1 s to half the
//   interval Retry-After                    never before that, and spread behind it IdentityDenied
//   a person has decided: after Retry-After, else a whole interval
//
// Knows no clock: delays count from the end of a round. Not thread-safe.
class Schedule {
 public:
  static constexpr std::chrono::seconds kFirstInterval{60};  // until the controller named one
  static constexpr std::chrono::seconds kMinInterval{1};
  static constexpr std::chrono::seconds kMaxInterval{24 * 3600};

  explicit Schedule(Random& random);

  std::chrono::milliseconds AfterVerdict(std::chrono::seconds next_attestation_in);
  std::chrono::milliseconds AfterFailure(const Failure& failure);

 private:
  Random& random_;
  std::chrono::seconds interval_ = kFirstInterval;
  std::optional<Backoff> backoff_;  // always there; made anew for another interval
};

}  // namespace plimsoll::attest
