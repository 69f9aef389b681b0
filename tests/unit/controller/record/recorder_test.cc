#include "controller/record/recorder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"

namespace plimsoll::controller::record {
namespace {

using std::chrono::seconds;

constexpr char kUid[] = "11111111-1111-1111-1111-111111111111";

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    server_.Put({kube::kNode, "worker-1"}, {{"metadata", {{"name", "worker-1"}, {"uid", kUid}}}});
  }

  static Recorder::Change Say(const std::string& summary) {
    return [summary](const NodeAttestationStatus& before) {
      NodeAttestationStatus after = before;
      after.node_uid = kUid;
      after.summary = summary;
      return std::optional(after);
    };
  }

  int Writes() const {
    int writes = 0;
    for (const std::string& line : server_.log()) {
      writes += line.starts_with("PUT") ? 1 : 0;
    }
    return writes;
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  std::unique_ptr<telemetry::Logger> logger_ =
      telemetry::MakeLogger({.level = telemetry::Level::kError});
  kube::Client client_{server_, clock_};
  fakes::ApiLookup<NodeAttestation> cache_{server_, kube::kNodeAttestation};
  Recorder recorder_{client_, cache_, clock_, *logger_, {.status_refresh = seconds(300)}};
};

TEST_F(RecorderTest, MakesTheObjectOwnedByItsNode) {
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), Say("Trusted")));
  const auto object = server_.Find({kube::kNodeAttestation, "worker-1"});
  EXPECT_EQ(object["metadata"]["ownerReferences"][0]["uid"], kUid);
  EXPECT_EQ(object["status"]["summary"], "Trusted");
}

TEST_F(RecorderTest, WritesNothingThatHasNotChanged) {
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), Say("Trusted")));
  server_.ClearLog();
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), Say("Trusted")));
  EXPECT_EQ(Writes(), 0);
}

TEST_F(RecorderTest, RefreshesTimesAtTheIntervalOnly) {
  const auto verified = [this](const NodeAttestationStatus& before) {
    NodeAttestationStatus after = before;
    after.node_uid = kUid;
    after.summary = "Trusted";
    after.last_verified_time = clock_.Wall();
    after.expiration_time = clock_.Wall() + seconds(900);
    return std::optional(after);
  };
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), verified));
  server_.ClearLog();
  clock_.Advance(seconds(299));
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), verified));
  EXPECT_EQ(Writes(), 0);
  clock_.Advance(seconds(1));
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), verified));
  EXPECT_EQ(Writes(), 1);
}

TEST_F(RecorderTest, N3_ReplacesTheObjectOfAnEarlierNodeAndTakesNothingOver) {
  server_.Put({kube::kNodeAttestation, "worker-1"},
              {{"metadata",
                {{"name", "worker-1"},
                 {"ownerReferences", {{{"kind", "Node"}, {"name", "worker-1"}, {"uid", "old"}}}}}},
               {"status", {{"summary", "Trusted"}, {"nodeUID", "old"}}}});
  std::string seen = "not called";
  ASSERT_TRUE(
      recorder_.Apply("worker-1", kUid, seconds(900), [&](const NodeAttestationStatus& before) {
        seen = before.summary + before.node_uid;
        NodeAttestationStatus after;
        after.node_uid = kUid;
        return std::optional(after);
      }));
  EXPECT_EQ(seen, "Unknown") << "an empty status";
  EXPECT_EQ(
      server_.Find({kube::kNodeAttestation, "worker-1"})["metadata"]["ownerReferences"][0]["uid"],
      kUid);
}

TEST_F(RecorderTest, AReplicaThatIsBehindDoesNotReplaceTheObjectOfANewerNode) {
  server_.Put({kube::kNodeAttestation, "worker-1"},
              {{"metadata",
                {{"name", "worker-1"},
                 {"ownerReferences", {{{"kind", "Node"}, {"name", "worker-1"}, {"uid", kUid}}}}}},
               {"status", {{"summary", "Trusted"}, {"nodeUID", kUid}}}});
  const auto applied = recorder_.Apply("worker-1", "old", seconds(900), Say("Unknown"));
  ASSERT_FALSE(applied);
  EXPECT_EQ(server_.Find({kube::kNodeAttestation, "worker-1"})["status"]["summary"], "Trusted");
}

TEST_F(RecorderTest, N8_DecidesAgainOnWhatAnotherWriterLeft) {
  ASSERT_TRUE(recorder_.Apply("worker-1", kUid, seconds(900), Say("Trusted")));
  cache_.Freeze();
  server_.Edit({kube::kNodeAttestation, "worker-1"},
               [](nlohmann::json& object) { object["status"]["summary"] = "Untrusted"; });
  std::vector<std::string> seen;
  ASSERT_TRUE(
      recorder_.Apply("worker-1", kUid, seconds(900), [&](const NodeAttestationStatus& before) {
        seen.push_back(before.summary);
        NodeAttestationStatus after = before;
        after.tpm_identity = "ek-1";
        return std::optional(after);
      }));
  EXPECT_EQ(seen, (std::vector<std::string>{"Trusted", "Untrusted"}));
  EXPECT_EQ(server_.Find({kube::kNodeAttestation, "worker-1"})["status"]["summary"], "Untrusted")
      << "the old Trusted is not written back";
}

TEST_F(RecorderTest, E24_OfManyWritersNoneIsLost) {
  constexpr int kWriters = 4;
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&] {
        while (!recorder_.Apply("worker-1", kUid, seconds(900),
                                [](const NodeAttestationStatus& before) {
                                  NodeAttestationStatus after = before;
                                  after.node_uid = kUid;
                                  after.inputs += "x";
                                  return std::optional(after);
                                })) {
        }
        ++done;
      });
    }
  }
  EXPECT_EQ(done, kWriters);
  EXPECT_EQ(server_.Find({kube::kNodeAttestation, "worker-1"})["status"]["inputs"],
            std::string(kWriters, 'x'));
}

TEST_F(RecorderTest, AnApiServerThatDoesNotAnswerIsAnErrorAndNoVerdict) {
  server_.Intercept(
      [](const transport::HttpRequest&) -> std::optional<Result<transport::HttpResponse>> {
        return Fail(ErrorCode::kUnavailable, "connection refused", Retry::kBackoff);
      });
  const auto applied = recorder_.Apply("worker-1", kUid, seconds(900), Say("Trusted"));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace plimsoll::controller::record
