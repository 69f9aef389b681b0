#include "controller/ingest/log_cache.h"

#include <gtest/gtest.h>

namespace plimsoll::controller::ingest {
namespace {

const Bytes kDigest(32, 0x11);
const Bytes kOtherDigest(32, 0x22);

TEST(LogCache, GivesANodeItsOwnLogByItsDigestOnly) {
  LogCache cache(1000);
  cache.Put("node-a", kDigest, Bytes(100, 1));
  ASSERT_NE(cache.Get("node-a", kDigest), nullptr);
  EXPECT_EQ(*cache.Get("node-a", kDigest), Bytes(100, 1));
  EXPECT_EQ(cache.Get("node-a", kOtherDigest), nullptr);
  EXPECT_EQ(cache.Get("node-b", kDigest), nullptr)
      << "what one node sent says nothing about another";
}

TEST(LogCache, KeepsOneLogOfANodeAndOneCopyOfEqualLogs) {
  LogCache cache(1000);
  cache.Put("node-a", kDigest, Bytes(100, 1));
  cache.Put("node-b", kDigest, Bytes(100, 1));
  EXPECT_EQ(cache.bytes(), 100U);
  cache.Put("node-a", kOtherDigest, Bytes(50, 2));
  EXPECT_EQ(cache.Get("node-a", kDigest), nullptr);
  EXPECT_NE(cache.Get("node-b", kDigest), nullptr);
  EXPECT_EQ(cache.bytes(), 150U);
  cache.Put("node-b", kOtherDigest, Bytes(50, 2));
  EXPECT_EQ(cache.bytes(), 50U);
}

TEST(LogCache, ForgetsTheNodeThatWasNotHeardOfForLongest) {
  LogCache cache(250);
  cache.Put("node-a", Bytes(32, 1), Bytes(100, 1));
  cache.Put("node-b", Bytes(32, 2), Bytes(100, 2));
  EXPECT_NE(cache.Get("node-a", Bytes(32, 1)), nullptr);
  cache.Put("node-c", Bytes(32, 3), Bytes(100, 3));
  EXPECT_EQ(cache.Get("node-b", Bytes(32, 2)), nullptr);
  EXPECT_NE(cache.Get("node-a", Bytes(32, 1)), nullptr);
  EXPECT_LE(cache.bytes(), 250U);
}

TEST(LogCache, NeverHoldsMoreThanItMayAndALogThatIsHeldStaysWhole) {
  LogCache cache(150);
  cache.Put("node-a", kDigest, Bytes(100, 1));
  const auto pinned = cache.Get("node-a", kDigest);
  cache.Put("node-b", kOtherDigest, Bytes(100, 2));
  EXPECT_EQ(cache.Get("node-a", kDigest), nullptr);
  EXPECT_EQ(*pinned, Bytes(100, 1)) << "a challenge that named it still has it";
  cache.Put("node-c", Bytes(32, 3), Bytes(151, 3));
  EXPECT_EQ(cache.Get("node-c", Bytes(32, 3)), nullptr);
  EXPECT_LE(cache.bytes(), 150U);
}

}  // namespace
}  // namespace plimsoll::controller::ingest
