#include "controller/enforce/exceptions.h"

#include <gmock/gmock.h>

#include "controller/enforce/exception_status.h"
#include "unit/controller/enforce/cluster.h"

namespace plimsoll::controller::enforce {
namespace {

using fakes::kBadDigest;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;
using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;

class ExceptionTest : public Cluster {
 protected:
  // For worker-1, made now.
  json ExceptionObject(seconds duration, const json& policies = json::array()) {
    return {{"metadata", {{"creationTimestamp", FormatTime(clock_.Wall())}}},
            {"spec",
             {{"nodeNames", json::array({kNodeName})},
              {"policyRefs", policies},
              {"reason", "INC-4711"},
              {"expiresAt", FormatTime(clock_.Wall() + duration)}}}};
  }
  void PutException(seconds duration, const json& policies = json::array(),
                    const std::string& name = "inc") {
    server_.Put({kube::kAttestationException, name}, ExceptionObject(duration, policies));
  }
  void RemoveException(const std::string& name = "inc") {
    server_.Remove({kube::kAttestationException, name});
  }

  std::string ConditionMessage() {
    const Node node = LiveNode();
    const Condition* condition = Find(node.conditions, MarkNames().condition);
    return condition == nullptr ? "" : condition->message;
  }

  // What the leader writes into the exception.
  json StatusOf(const std::string& name = "inc") {
    ExceptionStatus status(client_, exceptions_, nodes_, clock_, logger_,
                           [this] { return may_write_; });
    status.WriteChanged();
    return server_.Find({kube::kAttestationException, name}).value("status", json::object());
  }
};

TEST_F(ExceptionTest, TakesTheTaintAwayAndLeavesTheTruth) {
  MakeUntrusted();
  PutException(hours(1));
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(Verdict(), "Untrusted/PCRMismatch");
  EXPECT_EQ(NodeCondition(), "False/PCRMismatch");
  EXPECT_THAT(ConditionMessage(), HasSubstr("AttestationException inc"));
  EXPECT_EQ(Recorded().withheld_by, "AttestationException/inc");
  const NodeAttestationStatus status = Recorded();
  const Condition* enforced = Find(status.conditions, "Enforced");
  ASSERT_NE(enforced, nullptr);
  EXPECT_EQ(enforced->status, ConditionStatus::kFalse);
  EXPECT_EQ(enforced->reason, "AttestationException");
  EXPECT_TRUE(WaitForEvent("EnforcementWithheld"));
  RemoveException();
  Settle();
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
  EXPECT_EQ(Recorded().withheld_by, "");
}

TEST_F(ExceptionTest, KeepsATaintFromBeingAddedInTheFirstPlace) {
  MakeTrusted();
  PutException(hours(1));
  Settle();
  EXPECT_EQ(Recorded().withheld_by, "") << "nothing is withheld from a node that is Trusted";
  std::vector<size_t> taints;
  server_.Observe([&](const std::string&, const json& object) {
    if (object["kind"] == "Node") {
      taints.push_back(object["spec"]["taints"].size());
    }
  });
  Attest(kBadDigest);
  Settle();
  EXPECT_THAT(taints, testing::Each(0U));
  EXPECT_EQ(Label(), "false");
}

TEST_F(ExceptionTest, AlsoCoversTheTaintOfSilenceAndAStartupTaint) {
  MakeTrusted();
  StartOldLeader();
  PutException(hours(10));
  clock_.Advance(hours(1));
  Settle();
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_EQ(Recorded().withheld_by, "AttestationException/inc");

  server_.Remove({kube::kNode, kNodeName});
  PutNode({}, json::array({fakes::TaintObject(MarkNames().taint, "Pending", "NoSchedule")}));
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
}

TEST_F(ExceptionTest, EndsByItselfWithoutAnyObjectChanging) {
  MakeUntrusted();
  PutException(seconds(600));
  Settle();
  const auto again = Once();
  ASSERT_TRUE(again);
  ASSERT_TRUE(*again);
  EXPECT_LE(**again, seconds(600)) << "the node is looked at again when it ends";
  clock_.Advance(**again - seconds(1));
  ASSERT_TRUE(Once());
  EXPECT_EQ(TaintTextOf(), "");
  clock_.Advance(seconds(1));
  ASSERT_TRUE(Once());
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
}

TEST_F(ExceptionTest, AWallClockThatIsSetBackDoesNotProlongIt) {
  MakeUntrusted();
  PutException(seconds(600));
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  clock_.SetWall(clock_.Wall() - hours(24));
  clock_.Advance(seconds(600));
  ASSERT_TRUE(Once());
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
}

TEST_F(ExceptionTest, OfMoreThanThirtyDaysDoesNotCountAtAll) {
  MakeUntrusted();
  PutException(std::chrono::days(30) + seconds(1));
  Settle();
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
  const json status = StatusOf();
  EXPECT_EQ(status["conditions"][0]["status"], "False");
  EXPECT_EQ(status["conditions"][0]["reason"], "TooLong");
  EXPECT_EQ(exceptions_.CountInForce(), 0);
}

TEST_F(ExceptionTest, OfAnotherNodeOrThatCannotBeReadWaivesNothing) {
  MakeUntrusted();
  json other = ExceptionObject(hours(1));
  other["spec"]["nodeNames"] = json::array({"worker-2"});
  server_.Put({kube::kAttestationException, "other"}, other);
  json broken = ExceptionObject(hours(1));
  broken["spec"]["expiresAt"] = "tomorrow";
  server_.Put({kube::kAttestationException, "broken"}, broken);
  Settle();
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
}

TEST_F(ExceptionTest, OfOnePolicyLeavesTheTaintOfTheOthersThatTheNodeFails) {
  MakeTrusted();
  PutPolicy("second", PolicyObjectJson("Enforce", kGoodDigest, "PreferNoSchedule"));
  PutException(hours(1), json::array({"pcr4"}));
  Settle();
  Attest(kBadDigest);
  Settle();
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:PreferNoSchedule") << "the effect of the other alone";
  EXPECT_EQ(Recorded().withheld_by, "");
  PutException(hours(1), json::array({"second"}), "inc-2");
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_EQ(Recorded().withheld_by, "AttestationException/inc");
}

TEST_F(ExceptionTest, OfAPolicyThatTheNodeMeetsWaivesNothing) {
  MakeTrusted();
  PutPolicy("met", PolicyObjectJson("Enforce", kBadDigest, "NoSchedule"));
  PutException(hours(1), json::array({"met"}));
  Attest(kBadDigest);
  Settle();
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
}

TEST_F(ExceptionTest, ItsStatusSaysHowManyNodesItCoversAndWhetherItCounts) {
  PutNode();
  server_.Put({kube::kNode, "worker-2"}, fakes::NodeObject({{"pool", "a"}}));
  json object = ExceptionObject(seconds(60));
  object["spec"]["nodeSelector"] = {{"matchLabels", {{"pool", "a"}}}};
  server_.Put({kube::kAttestationException, "inc"}, object);
  json status = StatusOf();
  EXPECT_EQ(status["nodes"], 2);
  EXPECT_EQ(status["observedGeneration"], 1);
  EXPECT_EQ(status["conditions"][0]["type"], "Active");
  EXPECT_EQ(status["conditions"][0]["status"], "True");
  EXPECT_EQ(exceptions_.CountInForce(), 1);
  server_.ClearLog();
  StatusOf();
  EXPECT_THAT(Requests(), testing::IsEmpty()) << "nothing has changed";
  clock_.Advance(seconds(60));
  may_write_ = false;
  EXPECT_EQ(StatusOf()["conditions"][0]["status"], "True") << "no longer the leader";
  may_write_ = true;
  EXPECT_EQ(StatusOf()["conditions"][0]["status"], "False");
  EXPECT_EQ(StatusOf()["conditions"][0]["reason"], "Expired");
  EXPECT_EQ(exceptions_.CountInForce(), 0);
}

}  // namespace
}  // namespace plimsoll::controller::enforce
