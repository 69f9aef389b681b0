#include <gmock/gmock.h>

#include "unit/controller/enforce/cluster.h"

namespace plimsoll::controller::enforce {
namespace {

using fakes::kBadDigest;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;
using std::chrono::seconds;

class Recovery : public Cluster {
 protected:
  void FailAndComeBack() {
    PutNode();
    json policy = PolicyObjectJson();
    policy["spec"]["enforcement"]["recovery"] = "Acknowledged";
    PutPolicy("pcr4", policy);
    PutIdentity();
    Attest();
    Settle();
    ASSERT_EQ(Label(), "true");
    clock_.Advance(seconds(10));
    Attest(kBadDigest);
    Settle();
    clock_.Advance(seconds(10));
    Attest(kGoodDigest);
    Settle();
    ASSERT_EQ(Label(), "false");
    ASSERT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
  }
  void Acknowledge(const std::string& at) {
    server_.Edit({kube::kNodeAttestation, kNodeName}, [&](json& object) {
      object["metadata"]["annotations"]["plimsoll.dev/acknowledged-at"] = at;
    });
  }
  json Remembered() {
    return server_.Find({kube::kTpmIdentity, kIdentityName})["status"].value(
        "unacknowledgedFailure", json());
  }
};

TEST_F(Recovery, E56_AFailureIsLeftByAPersonsWordAndTheStoredFactsAtOnce) {
  FailAndComeBack();
  EXPECT_EQ(Remembered()["reason"], "PCRMismatch");
  clock_.Advance(seconds(5));
  Acknowledge(FormatTime(clock_.Wall()));
  Settle();
  EXPECT_EQ(Verdict(), "Trusted/AllPoliciesPassed");
  EXPECT_EQ(Label(), "true");
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_TRUE(Remembered().is_null()) << Remembered();
}

TEST_F(Recovery, AWordFromBeforeTheFailureOrFromTheFutureOrThatIsNoTimeCountsNothing) {
  FailAndComeBack();
  for (const std::string& at :
       {FormatTime(clock_.Wall() - seconds(60)), FormatTime(clock_.Wall() + seconds(3600)),
        std::string("yes"), std::string()}) {
    Acknowledge(at);
    Settle();
    EXPECT_EQ(Verdict(), "Untrusted/PCRMismatch") << at;
    EXPECT_EQ(Label(), "false") << at;
  }
}

TEST_F(Recovery, AnAcknowledgedNodeThatFailsAgainNeedsAnotherWord) {
  FailAndComeBack();
  clock_.Advance(seconds(5));
  Acknowledge(FormatTime(clock_.Wall()));
  Settle();
  ASSERT_EQ(Label(), "true");
  clock_.Advance(seconds(5));
  Attest(kBadDigest);
  Settle();
  Attest(kGoodDigest);
  Settle();
  EXPECT_EQ(Label(), "false");
}

TEST_F(Recovery, AWordWhileTheNodeStillFailsForgivesNothing) {
  FailAndComeBack();
  Attest(kBadDigest);
  clock_.Advance(seconds(5));
  Acknowledge(FormatTime(clock_.Wall()));
  Settle();
  EXPECT_EQ(Label(), "false");
  clock_.Advance(seconds(5));
  Attest(kGoodDigest);
  Settle();
  EXPECT_EQ(Label(), "false") << "it was judged to fail after the word";
}

TEST_F(Recovery, ARepairedPolicyEndsItWithoutAnyWord) {
  MakeTrusted();
  EditPolicy("pcr4", [](json& spec) {
    spec["enforcement"]["recovery"] = "Acknowledged";
    spec["pcrs"][0]["anyOf"] = json::array({kBadDigest});
  });
  Settle();
  ASSERT_EQ(Label(), "false");
  EditPolicy("pcr4", [](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kGoodDigest}); });
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_TRUE(Remembered().is_null());
}

TEST_F(Recovery, TheFailureOutlivesTheNodeObject) {
  FailAndComeBack();
  server_.Remove({kube::kNode, kNodeName});
  server_.Remove({kube::kNodeAttestation, kNodeName});
  ASSERT_FALSE(Remembered().is_null());
  PutNode();
  const std::string uid = NodeUid();
  server_.Edit({kube::kTpmIdentity, kIdentityName},
               [&](json& object) { object["status"]["nodeUID"] = uid; });
  Settle();
  Attest(kGoodDigest);
  Settle();
  EXPECT_EQ(Verdict(), "Untrusted/PCRMismatch");
  EXPECT_EQ(Label(), "false");
  clock_.Advance(seconds(5));
  Acknowledge(FormatTime(clock_.Wall()));
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_TRUE(Remembered().is_null());
}

}  // namespace
}  // namespace plimsoll::controller::enforce
