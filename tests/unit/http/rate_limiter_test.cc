#include "http/rate_limiter.h"

#include <gtest/gtest.h>

#include "fakes/fake_clock.h"

namespace plimsoll::http {
namespace {

using std::chrono::seconds;

TEST(RateLimiter, AdmitsABurstThenTheRate) {
  fakes::FakeClock clock;
  RateLimiter limiter(kRequestsPerNode, 10, clock);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(limiter.Admit("worker-1")) << i;
  }
  EXPECT_EQ(limiter.Admit("worker-1"), seconds(2));
  clock.Advance(seconds(1));
  EXPECT_EQ(limiter.Admit("worker-1"), seconds(1));
  clock.Advance(seconds(1));
  EXPECT_FALSE(limiter.Admit("worker-1"));
  EXPECT_TRUE(limiter.Admit("worker-1"));
}

TEST(RateLimiter, RefusedCallsCostNothing) {
  fakes::FakeClock clock;
  RateLimiter limiter(kEnrollmentsPerNode, 10, clock);
  for (int i = 0; i < 1000; ++i) {
    limiter.Admit("worker-1");
  }
  EXPECT_EQ(limiter.Admit("worker-1"), seconds(10));
  clock.Advance(seconds(10));
  EXPECT_FALSE(limiter.Admit("worker-1"));
}

TEST(RateLimiter, KeysDoNotTouchEachOther) {
  fakes::FakeClock clock;
  RateLimiter limiter({.per_minute = 1, .burst = 1}, 10, clock);
  EXPECT_FALSE(limiter.Admit("worker-1"));
  EXPECT_TRUE(limiter.Admit("worker-1"));
  EXPECT_FALSE(limiter.Admit("worker-2"));
}

TEST(RateLimiter, SavesUpNoMoreThanABurst) {
  fakes::FakeClock clock;
  RateLimiter limiter({.per_minute = 60, .burst = 2}, 10, clock);
  limiter.Admit("a");
  clock.Advance(std::chrono::hours(24));
  EXPECT_FALSE(limiter.Admit("a"));
  EXPECT_FALSE(limiter.Admit("a"));
  EXPECT_TRUE(limiter.Admit("a"));
}

TEST(RateLimiter, ForgetsTheKeyUsedLongestAgo) {
  fakes::FakeClock clock;
  RateLimiter limiter({.per_minute = 1, .burst = 1}, 2, clock);
  limiter.Admit("a");
  limiter.Admit("b");
  limiter.Admit("a");
  limiter.Admit("c");
  EXPECT_EQ(limiter.size(), 2U);
  EXPECT_TRUE(limiter.Exhausted("a"));
  EXPECT_FALSE(limiter.Exhausted("b"));
}

TEST(RateLimiter, TheWallClockDoesNotMatter) {
  fakes::FakeClock clock;
  RateLimiter limiter({.per_minute = 1, .burst = 1}, 2, clock);
  limiter.Admit("a");
  clock.SetWall(clock.Wall() + std::chrono::hours(1));
  EXPECT_TRUE(limiter.Admit("a"));
}

}  // namespace
}  // namespace plimsoll::http
