#include "node-agent/attest/schedule.h"

#include <algorithm>
#include <utility>

namespace plimsoll::attest {
namespace {

constexpr std::chrono::milliseconds kFirstBackoff{1000};

std::chrono::milliseconds LongestBackoff(std::chrono::seconds interval) {
  return std::max<std::chrono::milliseconds>(kFirstBackoff,
                                             std::chrono::milliseconds(interval) / 2);
}

}  // namespace

Schedule::Schedule(Random& random)
    : random_(random),
      backoff_(std::in_place, random, kFirstBackoff, LongestBackoff(kFirstInterval)) {}

std::chrono::milliseconds Schedule::AfterVerdict(std::chrono::seconds next_attestation_in) {
  interval_ = std::clamp(next_attestation_in, kMinInterval, kMaxInterval);
  // Begins anew, with the longest delay that belongs to this interval.
  backoff_.emplace(random_, kFirstBackoff, LongestBackoff(interval_));
  return interval_;
}

std::chrono::milliseconds Schedule::AfterFailure(const Failure& failure) {
  if (failure.reason == "IdentityDenied" && !failure.retry_after) {
    return interval_;
  }
  return failure.retry_after.value_or(std::chrono::seconds(0)) + backoff_->Next();
}

}  // namespace plimsoll::attest
