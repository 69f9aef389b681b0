#include "node-agent/attest/schedule.h"

#include <gtest/gtest.h>

namespace plimsoll::attest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Draws the same fraction every time.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(uint8_t byte) : byte_(byte) {}
  void Fill(std::span<uint8_t> out) override { std::fill(out.begin(), out.end(), byte_); }

 private:
  const uint8_t byte_;
};

Failure Refused(std::string reason, std::optional<seconds> retry_after = std::nullopt) {
  return {Origin::kController,
          {ErrorCode::kUnavailable, "no", Retry::kBackoff},
          std::move(reason),
          retry_after};
}

TEST(Schedule, ComesBackWhenTheControllerSays) {
  FixedRandom random(0xFF);
  Schedule schedule(random);
  EXPECT_EQ(schedule.AfterVerdict(seconds(287)), seconds(287));
  EXPECT_EQ(schedule.AfterVerdict(seconds(0)), Schedule::kMinInterval);
  EXPECT_EQ(schedule.AfterVerdict(seconds(1'000'000'000)), Schedule::kMaxInterval);
}

TEST(Schedule, BacksOffFromOneSecondToHalfTheInterval) {
  FixedRandom random(0xFF);  // the largest draws
  Schedule schedule(random);
  schedule.AfterVerdict(seconds(40));
  std::vector<milliseconds> delays;
  for (int i = 0; i < 10; ++i) {
    delays.push_back(schedule.AfterFailure(Refused("")));
  }
  EXPECT_LE(delays[0], seconds(1));
  EXPECT_GT(delays[0], milliseconds(900));
  EXPECT_GT(delays[2], seconds(3));
  EXPECT_LE(delays[9], seconds(20));
  EXPECT_GT(delays[9], seconds(19));
}

TEST(Schedule, SpreadsRetriesOverTheWholeRange) {
  FixedRandom random(0x00);  // the smallest draws
  Schedule schedule(random);
  const milliseconds delay = schedule.AfterFailure(Refused(""));
  EXPECT_GT(delay, milliseconds(0));
  EXPECT_LT(delay, milliseconds(100));
}

TEST(Schedule, BeginsAnewAfterAVerdict) {
  FixedRandom random(0xFF);
  Schedule schedule(random);
  for (int i = 0; i < 10; ++i) {
    schedule.AfterFailure(Refused(""));
  }
  schedule.AfterVerdict(seconds(300));
  EXPECT_LE(schedule.AfterFailure(Refused("")), seconds(1));
}

TEST(Schedule, NeverComesBackBeforeRetryAfter) {
  FixedRandom random(0x80);
  Schedule schedule(random);
  const milliseconds delay = schedule.AfterFailure(Refused("RateLimited", seconds(17)));
  EXPECT_GE(delay, seconds(17));
  EXPECT_LE(delay, seconds(18));
}

TEST(Schedule, WaitsAWholeIntervalWhenItsIdentityIsDenied) {
  FixedRandom random(0x80);
  Schedule schedule(random);
  schedule.AfterVerdict(seconds(120));
  EXPECT_EQ(schedule.AfterFailure(Refused("IdentityDenied")), seconds(120));
  EXPECT_GE(schedule.AfterFailure(Refused("IdentityDenied", seconds(600))), seconds(600));
}

TEST(Schedule, HasADelayForTheShortestInterval) {
  FixedRandom random(0xFF);
  Schedule schedule(random);
  schedule.AfterVerdict(seconds(1));
  for (int i = 0; i < 5; ++i) {
    EXPECT_GE(schedule.AfterFailure(Refused("")), milliseconds(50));
  }
}

}  // namespace
}  // namespace plimsoll::attest
