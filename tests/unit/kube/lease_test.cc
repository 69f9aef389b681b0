#include "kube/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "unit/kube/fake_objects.h"
#include "unit/kube/test_random.h"

namespace plimsoll::kube {
namespace {

using namespace std::chrono_literals;

const std::string kPath = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/controller";

bool Eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) {
      return false;
    }
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

class LeaderElectorTest : public testing::Test {
 protected:
  struct Candidate {
    std::atomic<int> gained = 0;
    std::atomic<int> lost = 0;
    std::atomic<int> errors = 0;
    std::mutex mutex;
    std::vector<std::string> holders;
    std::unique_ptr<LeaderElector> elector;
  };

  std::unique_ptr<Candidate> Start(const std::string& identity) {
    auto candidate = std::make_unique<Candidate>();
    Candidate* self = candidate.get();
    LeaderElectionOptions options{
        .namespace_name = "ns", .name = "controller", .identity = identity};
    options.lease_duration = 1000ms;
    options.renew_deadline = 600ms;
    options.retry_period = 20ms;
    candidate->elector = std::make_unique<LeaderElector>(
        client_, clock_, random_, options,
        LeaderElectionCallbacks{.on_gained = [self] { ++self->gained; },
                                .on_lost = [self] { ++self->lost; },
                                .on_observed =
                                    [self](const std::string& holder) {
                                      const std::lock_guard lock(self->mutex);
                                      self->holders.push_back(holder);
                                    },
                                .on_error = [self](const Error&) { ++self->errors; }});
    candidate->elector->Start();
    return candidate;
  }

  std::string Holder() {
    const auto lease = objects_.Get(kPath);
    return lease.is_null() ? "" : lease["spec"].value("holderIdentity", "");
  }

  fakes::FakeTransport transport_;
  FakeObjects objects_{transport_};
  SystemClock clock_;
  TestRandom random_;
  Client client_{transport_, clock_};
};

TEST_F(LeaderElectorTest, TheFirstCandidateCreatesTheLeaseAndRenewsIt) {
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  EXPECT_TRUE(a->elector->IsLeader());
  const auto first = objects_.Get(kPath)["spec"];
  EXPECT_EQ(first["holderIdentity"], "a");
  EXPECT_EQ(first["leaseDurationSeconds"], 1);
  const auto deadline = a->elector->LeadershipDeadline();
  ASSERT_TRUE(deadline);
  EXPECT_LE(*deadline, clock_.Monotonic() + 600ms);
  EXPECT_TRUE(Eventually([&] {
    const auto later = a->elector->LeadershipDeadline();
    return later && *later > *deadline + 100ms;
  }));
  const auto renewed = objects_.Get(kPath)["spec"];
  EXPECT_EQ(renewed["acquireTime"], first["acquireTime"]);
  EXPECT_NE(renewed["renewTime"], first["renewTime"]);
  EXPECT_EQ(renewed["leaseTransitions"], 0);
  EXPECT_EQ(a->lost, 0);
}

TEST_F(LeaderElectorTest, ASecondCandidateWaitsAndTakesOverWhenTheFirstReleases) {
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  auto b = Start("b");
  ASSERT_TRUE(Eventually([&] {
    const std::lock_guard lock(b->mutex);
    return !b->holders.empty() && b->holders.back() == "a";
  }));
  EXPECT_FALSE(b->elector->IsLeader());
  a->elector->Stop();
  EXPECT_FALSE(a->elector->IsLeader());
  EXPECT_EQ(a->lost, 0);
  ASSERT_TRUE(Eventually([&] { return b->gained == 1; }));
  EXPECT_EQ(Holder(), "b");
  EXPECT_EQ(objects_.Get(kPath)["spec"]["leaseTransitions"], 1);
}

TEST_F(LeaderElectorTest, NeverAreTwoLeadersAtATime) {
  auto a = Start("a");
  auto b = Start("b");
  auto c = Start("c");
  const auto end = std::chrono::steady_clock::now() + 1s;
  while (std::chrono::steady_clock::now() < end) {
    const int leaders = a->elector->IsLeader() + b->elector->IsLeader() + c->elector->IsLeader();
    ASSERT_LE(leaders, 1);
  }
  EXPECT_EQ(a->gained + b->gained + c->gained, 1);
}

TEST_F(LeaderElectorTest, ALeaderThatCannotRenewStopsBeforeAnotherMayBegin) {
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  const auto down_since = clock_.Monotonic();
  objects_.SetDown(true);
  ASSERT_TRUE(Eventually([&] { return !a->elector->IsLeader(); }));
  EXPECT_LT(clock_.Monotonic() - down_since, 1000ms);
  EXPECT_TRUE(Eventually([&] { return a->lost == 1; }));
  EXPECT_GT(a->errors, 0);
  objects_.SetDown(false);
  auto b = Start("b");
  ASSERT_TRUE(Eventually([&] { return b->gained == 1; }));
  EXPECT_FALSE(a->elector->IsLeader());
  EXPECT_EQ(a->gained, 1);  // a lost lease is not sought again
}

TEST_F(LeaderElectorTest, ExpiryCountsFromWhenTheRecordWasSeenNotFromItsTimes) {
  objects_.Put(kPath, {{"metadata", {{"name", "controller"}}},
                       {"spec",
                        {{"holderIdentity", "gone"},
                         {"leaseDurationSeconds", 1},
                         {"acquireTime", "2001-01-01T00:00:00.000000Z"},
                         {"renewTime", "2001-01-01T00:00:00.000000Z"},
                         {"leaseTransitions", 7}}}});
  const auto begin = clock_.Monotonic();
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  EXPECT_GE(clock_.Monotonic() - begin, 1s);
  EXPECT_EQ(objects_.Get(kPath)["spec"]["leaseTransitions"], 8);
}

TEST_F(LeaderElectorTest, ALeaseTakenByAnotherIsLostAtOnceAndNotReleased) {
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  auto lease = objects_.Get(kPath);
  lease["spec"]["holderIdentity"] = "thief";
  objects_.Put(kPath, lease);
  ASSERT_TRUE(Eventually([&] { return a->lost == 1; }));
  EXPECT_FALSE(a->elector->IsLeader());
  a->elector->Stop();
  EXPECT_EQ(Holder(), "thief");
}

TEST_F(LeaderElectorTest, ARenewalThatArrivesTwiceLosesNothing) {
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  objects_.RepeatNextWrite();
  ASSERT_TRUE(Eventually([&] { return a->errors == 1; }));
  const auto deadline = a->elector->LeadershipDeadline();
  ASSERT_TRUE(deadline);
  EXPECT_TRUE(Eventually([&] { return a->elector->LeadershipDeadline() > deadline; }));
  EXPECT_EQ(a->lost, 0);
}

TEST_F(LeaderElectorTest, ADeletedLeaseIsMadeAgain) {
  auto a = Start("a");
  ASSERT_TRUE(Eventually([&] { return a->gained == 1; }));
  objects_.Erase(kPath);
  EXPECT_TRUE(Eventually([&] { return Holder() == "a"; }));
  EXPECT_TRUE(a->elector->IsLeader());
}

}  // namespace
}  // namespace plimsoll::kube
