#include "base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace plimsoll {
namespace {

using namespace std::chrono_literals;

// Fills with one byte: 0xFF draws the largest number there is, 0x00 the smallest.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(uint8_t byte) : byte_(byte) {}
  void Fill(std::span<uint8_t> out) override { std::fill(out.begin(), out.end(), byte_); }

 private:
  uint8_t byte_;
};

TEST(UniformReal, IsNeverOne) {
  FixedRandom largest(0xFF);
  FixedRandom smallest(0x00);
  EXPECT_LT(UniformReal(largest), 1.0);
  EXPECT_EQ(UniformReal(smallest), 0.0);
}

TEST(Backoff, DoublesUpToTheCapAndBeginsAnew) {
  FixedRandom largest(0xFF);
  Backoff backoff(largest, 100ms, 350ms);
  EXPECT_EQ(backoff.Next(), 99ms);
  EXPECT_EQ(backoff.Next(), 199ms);
  EXPECT_EQ(backoff.Next(), 349ms);
  EXPECT_EQ(backoff.Next(), 349ms);
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), 99ms);
}

TEST(Backoff, NeverHammers) {
  FixedRandom smallest(0x00);
  Backoff backoff(smallest, 100ms, 1s);
  EXPECT_EQ(backoff.Next(), 5ms);
  EXPECT_EQ(backoff.Next(), 10ms);
}

}  // namespace
}  // namespace plimsoll
