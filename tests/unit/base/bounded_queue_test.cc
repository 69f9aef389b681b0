#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace plimsoll {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, RefusesRatherThanGrows) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.Push(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.Push(std::make_unique<int>(2)));
  EXPECT_FALSE(queue.Push(std::make_unique<int>(3)));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(**queue.Pop({}, 0ms), 1);
  EXPECT_TRUE(queue.Push(std::make_unique<int>(4)));
  EXPECT_EQ(**queue.Pop({}, 0ms), 2);
  EXPECT_EQ(**queue.Pop({}, 0ms), 4);
  EXPECT_FALSE(queue.Pop({}, 0ms));
}

TEST(BoundedQueue, GivesAnItemToAWaitingThread) {
  BoundedQueue<int> queue(1);
  std::optional<int> got;
  {
    const std::jthread consumer([&](const std::stop_token&) { got = queue.Pop({}, 10s); });
    EXPECT_TRUE(queue.Push(7));
  }
  EXPECT_EQ(got, 7);
}

TEST(BoundedQueue, EndsTheWaitWhenAskedToStop) {
  BoundedQueue<int> queue(1);
  const auto begin = std::chrono::steady_clock::now();
  {
    std::jthread consumer([&](const std::stop_token& stop) { EXPECT_FALSE(queue.Pop(stop, 60s)); });
    consumer.request_stop();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
}

}  // namespace
}  // namespace plimsoll
