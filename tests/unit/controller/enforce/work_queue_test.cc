#include "controller/enforce/work_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "fakes/fake_clock.h"

namespace plimsoll::controller::enforce {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WorkQueueTest : public testing::Test {
 protected:
  // The next key that is ready now, or "".
  std::string Next() { return queue_.Get({}, milliseconds(0)).value_or(""); }

  fakes::FakeClock clock_;
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueTest, GivesEachKeyOnceHoweverOftenItWasAdded) {
  queue_.Add("a");
  queue_.Add("b");
  queue_.Add("a");
  EXPECT_EQ(queue_.counters().depth, 2U);
  EXPECT_EQ(queue_.counters().adds, 2U);
  EXPECT_EQ(Next(), "a");
  EXPECT_EQ(Next(), "b");
  EXPECT_EQ(Next(), "");
}

TEST_F(WorkQueueTest, AKeyThatIsBeingWorkedOnIsNotGivenToASecondWorker) {
  queue_.Add("a");
  ASSERT_EQ(Next(), "a");
  queue_.Add("a");
  EXPECT_EQ(Next(), "");
  queue_.Done("a");
  EXPECT_EQ(Next(), "a");
  queue_.Done("a");
  EXPECT_EQ(Next(), "");
}

TEST_F(WorkQueueTest, ADelayedKeyComesWhenItsTimeHasCome) {
  queue_.AddAfter("a", seconds(10));
  queue_.AddAfter("b", seconds(5));
  EXPECT_EQ(Next(), "");
  clock_.Advance(seconds(5));
  EXPECT_EQ(Next(), "b");
  EXPECT_EQ(Next(), "");
  clock_.Advance(seconds(5));
  EXPECT_EQ(Next(), "a");
}

TEST_F(WorkQueueTest, OfSeveralDelaysTheFirstThatEndsCounts) {
  queue_.AddAfter("a", seconds(10));
  queue_.AddAfter("a", seconds(3));
  queue_.AddAfter("a", seconds(20));
  clock_.Advance(seconds(3));
  EXPECT_EQ(Next(), "a");
  queue_.Done("a");
  clock_.Advance(seconds(60));
  EXPECT_EQ(Next(), "");
}

TEST_F(WorkQueueTest, AKeyThatFailsComesEverLaterUntilItSucceeds) {
  std::vector<int64_t> delays;
  for (int attempt = 0; attempt < 16; ++attempt) {
    queue_.Retry("a");
    int64_t waited = 0;
    while (Next().empty()) {
      clock_.Advance(milliseconds(5));
      waited += 5;
    }
    queue_.Done("a");
    delays.push_back(waited);
  }
  EXPECT_EQ(delays[0], 5);
  EXPECT_EQ(delays[1], 10);
  EXPECT_EQ(delays[5], 160);
  EXPECT_EQ(delays[15], 60'000);
  EXPECT_EQ(queue_.counters().retries, 16U);
  queue_.Forget("a");
  queue_.Retry("a");
  clock_.Advance(milliseconds(5));
  EXPECT_EQ(Next(), "a");
}

TEST_F(WorkQueueTest, AWaitingWorkerWakesUpForWhatIsAdded) {
  std::optional<std::string> got;
  std::jthread worker([&](std::stop_token stop) { got = queue_.Get(stop, seconds(30)); });
  queue_.Add("a");
  worker.join();
  EXPECT_EQ(got, "a");
}

TEST_F(WorkQueueTest, AWaitingWorkerEndsWhenItIsAskedTo) {
  std::optional<std::string> got = "unset";
  std::jthread worker([&](std::stop_token stop) { got = queue_.Get(stop, seconds(30)); });
  worker.request_stop();
  worker.join();
  EXPECT_EQ(got, std::nullopt);
}

}  // namespace
}  // namespace plimsoll::controller::enforce
