// What the options turn on and off, and unknownGraceSeconds.

#include <gmock/gmock.h>

#include "unit/controller/enforce/cluster.h"

namespace plimsoll::controller::enforce {
namespace {

using fakes::kBadDigest;
using fakes::PolicyObjectJson;
using std::chrono::seconds;

const std::string kUntil = "plimsoll.dev.node-restriction.kubernetes.io/trusted-until";

class Switches : public Cluster {
 protected:
  void StartLeaderWith(const MarkNames& names) {
    writer_ = std::make_unique<MarkWriter>(client_, NodeEvents(events_), clock_, metrics_, logger_,
                                           names, [this] { return may_write_; });
    reconciler_ = std::make_unique<NodeReconciler>(
        client_,
        NodeSources{nodes_, attestations_, identities_, picture_.picture, picture_.currency,
                    exceptions_},
        *recorder_, *writer_, NodeEvents(events_), clock_, ReconcilerOptions{.names = names},
        [this] { return may_write_; });
    reconciler_->LeaderSince(clock_.Monotonic());
  }
  std::string Until() { return NodeJson()["metadata"]["labels"].value(kUntil, "none"); }
};

TEST_F(Switches, TheOptionalLabelSaysUntilWhenTrustLastsAndGoesWithIt) {
  StartLeaderWith({.trusted_until = kUntil});
  MakeTrusted();
  const auto end = Recorded().expiration_time;
  ASSERT_TRUE(end);
  EXPECT_EQ(Until(),
            std::to_string(std::chrono::duration_cast<seconds>(end->time_since_epoch()).count()));
  server_.ClearLog();
  Settle();
  EXPECT_TRUE(Requests().empty());

  clock_.Advance(seconds(400));  // a status refresh
  Attest();
  Settle();
  EXPECT_GT(std::stoll(Until()),
            std::chrono::duration_cast<seconds>(end->time_since_epoch()).count());
  const auto events = server_.All(kube::kEvent);
  EXPECT_TRUE(std::none_of(events.begin(), events.end(), [](const json& event) {
    return event["reason"] == "MarksRestored";
  })) << "a later end is no restoration";

  server_.Edit({kube::kNode, kNodeName},
               [](json& node) { node["metadata"]["labels"][kUntil] = "99999999999"; });
  Settle();
  EXPECT_NE(Until(), "99999999999");
  EXPECT_TRUE(WaitForEvent("MarksRestored"));

  Attest(kBadDigest);
  Settle();
  EXPECT_EQ(Until(), "none");
  server_.Edit({kube::kNode, kNodeName},
               [](json& node) { node["metadata"]["labels"][kUntil] = "99999999999"; });
  Settle();
  EXPECT_EQ(Until(), "none");
}

TEST_F(Switches, WithoutTheOptionTheLabelIsNobodysBusiness) {
  MakeTrusted();
  EXPECT_EQ(Until(), "none");
  server_.Edit({kube::kNode, kNodeName},
               [](json& node) { node["metadata"]["labels"][kUntil] = "5"; });
  server_.ClearLog();
  Settle();
  EXPECT_EQ(Until(), "5");
  EXPECT_TRUE(Requests().empty());
}

TEST_F(Switches, WithoutTaintsNoNodeCarriesOneAndTheRestIsTold) {
  MakeUntrusted();
  StartLeaderWith({.taints = false});
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(Recorded().withheld_by, "");
  EXPECT_EQ(NodeCondition(), "False/PCRMismatch");
}

TEST_F(Switches, WithoutConditionsOursGoesAndTheKubeletsStay) {
  MakeTrusted();
  StartLeaderWith({.conditions = false});
  Settle();
  EXPECT_EQ(NodeCondition(), "none");
  ASSERT_EQ(NodeJson()["status"]["conditions"].size(), 1U);
  EXPECT_EQ(NodeJson()["status"]["conditions"][0]["type"], "Ready");
  EXPECT_EQ(Label(), "true");
  server_.ClearLog();
  Settle();
  EXPECT_TRUE(Requests().empty());
}

class Grace : public Cluster {
 protected:
  void TrustedWithGrace(int grace) {
    PutNode();
    json policy = PolicyObjectJson();
    policy["spec"]["enforcement"]["unknownGraceSeconds"] = grace;
    PutPolicy("pcr4", policy);
    PutIdentity();
    Attest();
    Settle();
    ASSERT_EQ(Label(), "true");
    StartOldLeader();
  }
};

TEST_F(Grace, ASilentNodeIsUnknownAtOnceAndTaintedWhenTheGraceHasPassed) {
  TrustedWithGrace(600);
  clock_.Advance(seconds(950));  // expireSeconds is 900
  Settle();
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(TaintTextOf(), "");
  clock_.Advance(seconds(500));
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  clock_.Advance(seconds(100));
  Settle();
  EXPECT_EQ(TaintTextOf(), "EvidenceExpired:NoSchedule");
}

TEST_F(Grace, TheLeaderComesBackWhenItEnds) {
  TrustedWithGrace(600);
  clock_.Advance(seconds(950));
  Settle();
  const auto again = Once();
  ASSERT_TRUE(again);
  ASSERT_TRUE(*again);
  EXPECT_LE(**again, seconds(551));
  EXPECT_GT(**again, seconds(500));
}

TEST_F(Grace, OfTwoPoliciesTheShorterCountsAndOneThatNeverTaintsDoesNot) {
  TrustedWithGrace(600);
  json other = PolicyObjectJson();
  other["spec"]["enforcement"]["unknownGraceSeconds"] = 60;
  PutPolicy("second", other);
  json never = PolicyObjectJson("Enforce", fakes::kGoodDigest, "None");
  PutPolicy("never", never);
  Settle();
  clock_.Advance(seconds(950));
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  clock_.Advance(seconds(20));
  Settle();
  EXPECT_EQ(TaintTextOf(), "EvidenceExpired:NoSchedule");
}

TEST_F(Grace, AProvenFailureGetsNone) {
  TrustedWithGrace(600);
  Attest(kBadDigest);
  Settle();
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
}

}  // namespace
}  // namespace plimsoll::controller::enforce
