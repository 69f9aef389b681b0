#include "controller/enforce/reconciler.h"

#include <gtest/gtest.h>

#include "api/stored_facts.h"
#include "unit/controller/enforce/cluster.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::Reason;
using fakes::kBadDigest;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;
using std::chrono::seconds;

class Reconciler : public Cluster {};

TEST_F(Reconciler, ANewNodeGetsItsNodeAttestationAndIsUnknown) {
  PutNode();
  PutPolicy("pcr4", PolicyObjectJson());
  Settle();
  EXPECT_EQ(Verdict(), "Unknown/NotEnrolled");
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(NodeCondition(), "Unknown/NotEnrolled");
  const json owner =
      server_.Find({kube::kNodeAttestation, kNodeName})["metadata"]["ownerReferences"][0];
  EXPECT_EQ(owner["uid"], NodeUid());
}

TEST_F(Reconciler, ANodeThatIsInStepCausesNoRequestAtAll) {
  MakeTrusted();
  server_.ClearLog();
  Settle();
  EXPECT_TRUE(Requests().empty());
}

TEST_F(Reconciler, GoodEvidenceGivesLabelConditionAndTheStatusOfWhatIsEnforced) {
  MakeTrusted();
  EXPECT_EQ(NodeCondition(), "True/AllPoliciesPassed");
  EXPECT_EQ(TaintTextOf(), "");
  const NodeAttestationStatus status = Recorded();
  EXPECT_EQ(status.enforced_label, "true");
  EXPECT_EQ(status.enforced_taint, "");
  const Condition* enforced = Find(status.conditions, "Enforced");
  ASSERT_NE(enforced, nullptr);
  EXPECT_EQ(enforced->status, ConditionStatus::kTrue);
  EXPECT_TRUE(WaitForEvent("NodeTrusted"));
}

TEST_F(Reconciler, ABadMeasurementTaintsAtOnceAndSaysSo) {
  MakeUntrusted();
  EXPECT_EQ(NodeCondition(), "False/PCRMismatch");
  EXPECT_EQ(Recorded().enforced_taint, "PCRMismatch:NoSchedule");
  EXPECT_TRUE(WaitForEvent("NodeUntrusted"));
  EXPECT_TRUE(WaitForEvent("TaintApplied"));
  EXPECT_EQ(metrics_.actions["taint/success"], 1);
  Attest(kGoodDigest);
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_TRUE(WaitForEvent("TaintRemoved"));
  EXPECT_EQ(metrics_.actions["untaint/success"], 1);
}

TEST_F(Reconciler, AnApprovalTakesEffectFromTheStoredFactsWithoutNewEvidence) {
  PutNode();
  PutPolicy("pcr4", PolicyObjectJson());
  PutIdentity("Pending");
  Attest();
  Settle();
  EXPECT_EQ(Verdict(), "Unknown/IdentityPending");
  EXPECT_EQ(Label(), "unknown");
  Decide("Approved");
  Settle();
  EXPECT_EQ(Verdict(), "Trusted/AllPoliciesPassed");
  EXPECT_EQ(Label(), "true");
}

TEST_F(Reconciler, P3_ATightenedPolicyIsJudgedAtOnceFromTheStoredFacts) {
  MakeTrusted();
  EditPolicy("pcr4", [](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kBadDigest}); });
  ASSERT_TRUE(Once());
  EXPECT_EQ(Verdict(), "Untrusted/PCRMismatch");
  EXPECT_EQ(Label(), "false");
  // A mistake of the policy's, put right, is no fault of the node's.
  EditPolicy("pcr4", [](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kGoodDigest}); });
  Settle();
  EXPECT_EQ(Label(), "true");
}

TEST_F(Reconciler, E46_AWeakerPolicyBesideTheOneThatFailsChangesNothing) {
  MakeUntrusted();
  PutPolicy("anything-goes", PolicyObjectJson("Enforce", kBadDigest, "None"));
  Settle();
  EXPECT_EQ(Verdict(), "Untrusted/PCRMismatch");
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
}

TEST_F(Reconciler, E44_WithoutAnyEnforcePolicyANodeIsUnknownAndUntainted) {
  for (const bool trusted : {true, false}) {
    server_.Remove({kube::kNode, kNodeName});
    server_.Remove({kube::kNodeAttestation, kNodeName});
    trusted ? MakeTrusted() : MakeUntrusted();
    server_.Remove({kube::kAttestationPolicy, "pcr4"});
    Settle();
    EXPECT_EQ(Verdict(), "Unknown/NoEnforcingPolicy");
    EXPECT_EQ(Label(), "unknown");
    EXPECT_EQ(NodeCondition(), "Unknown/NoEnforcingPolicy");
    EXPECT_EQ(TaintTextOf(), "");
  }
}

TEST_F(Reconciler, E44_APolicyThatIsEmptiedMakesItsNodesUnknownAndTaintsThemAfterTheirExpiry) {
  MakeTrusted();
  StartOldLeader();
  EditPolicy("pcr4", [](json& spec) { spec.erase("pcrs"); });
  Settle();
  EXPECT_EQ(Verdict(), "Unknown/PolicyNotReady");
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(TaintTextOf(), "");
  for (int round = 0; round < 4; ++round) {  // the agent goes on
    clock_.Advance(seconds(300));
    Attest();
    Settle();
  }
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(TaintTextOf(), "PolicyNotReady:NoSchedule");
}

TEST_F(Reconciler, E44_APolicyThatNamesAnAbsentAuthorityNeverGivesTrust) {
  PutNode();
  json policy = PolicyObjectJson();
  policy["spec"]["identity"] = {{"admission", "EndorsementCertificate"},
                                {"endorsementAuthorityRefs", json::array({"gone"})}};
  PutPolicy("certified", policy);
  PutIdentity();
  Attest();
  Settle();
  EXPECT_EQ(Verdict(), "Unknown/PolicyNotReady");
  EXPECT_EQ(Label(), "unknown");
}

TEST_F(Reconciler, E47_MarksThatSomeoneElseChangesArePutBackAtOnce) {
  MakeUntrusted();
  const auto meddle = [&](const std::function<void(json&)>& change) {
    server_.Edit({kube::kNode, kNodeName}, change);
    ASSERT_TRUE(Once());
    EXPECT_EQ(Label(), "false");
    EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
    EXPECT_EQ(NodeCondition(), "False/PCRMismatch");
  };
  meddle([](json& node) { node["metadata"]["labels"][MarkNames().label] = "true"; });
  meddle([](json& node) { node["metadata"]["labels"].erase(MarkNames().label); });
  meddle([](json& node) { node["spec"]["taints"] = json::array(); });
  meddle([](json& node) { node["spec"]["taints"][0]["effect"] = "PreferNoSchedule"; });
  meddle([](json& node) { node["status"]["conditions"][1]["status"] = "True"; });
  meddle([](json& node) { node["status"]["conditions"] = json::array(); });
  EXPECT_TRUE(WaitForEvent("MarksRestored"));
}

TEST_F(Reconciler, E47_AForgedLabelOfANodeThatWasNeverSeenIsPutBackWithAnEvent) {
  PutNode({{MarkNames().label, "true"}});
  PutPolicy("pcr4", PolicyObjectJson());
  Settle();
  EXPECT_EQ(Label(), "unknown");
  EXPECT_TRUE(WaitForEvent("MarksRestored"));
}

TEST_F(Reconciler, AConditionThatTheKubeletMadeUnreadableHidesNothing) {
  MakeTrusted();
  server_.Edit({kube::kNode, kNodeName}, [](json& node) {
    node["status"]["conditions"].push_back(
        {{"type", "Evil"}, {"status", "Bogus"}, {"lastTransitionTime", "never"}});
  });
  Attest(kBadDigest);
  Settle();
  EXPECT_EQ(Label(), "false");
}

TEST_F(Reconciler, E49_ANodeMadeAnewUnderTheSameNameInheritsNothing) {
  MakeTrusted();
  StartOldLeader();
  server_.Remove({kube::kNode, kNodeName});
  PutNode({{MarkNames().label, "true"}});  // registered 1,000 s ago: expire has passed
  Settle();
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(Verdict(), "Unknown/NotEnrolled");
  EXPECT_EQ(Recorded().node_uid, NodeUid());
  EXPECT_EQ(Recorded().last_trusted_time, std::nullopt);
  EXPECT_EQ(TaintTextOf(), "NotEnrolled:NoSchedule");
  EXPECT_TRUE(WaitForEvent("MarksRestored"));
}

TEST_F(Reconciler, AStartupTaintStaysUntilTheNodeIsTrustedAndGoesLast) {
  PutNode({}, json::array({fakes::TaintObject(MarkNames().taint, "Pending", "NoExecute")}));
  PutPolicy("pcr4", PolicyObjectJson());
  PutIdentity();
  Settle();
  EXPECT_EQ(TaintTextOf(), "Pending:NoExecute");
  Attest();
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_EQ(TaintTextOf(), "");
}

TEST_F(Reconciler, AnIdentityThatIsDeniedRevokedOrDeletedTakesTheLabelAtOnce) {
  for (const char* what : {"Denied", "Revoked", ""}) {
    server_.Remove({kube::kNode, kNodeName});
    MakeTrusted();
    if (what[0] == '\0') {
      server_.Remove({kube::kTpmIdentity, kIdentityName});
    } else {
      Decide(what);
    }
    ASSERT_TRUE(Once());
    EXPECT_EQ(Label(), "unknown") << what;
    EXPECT_EQ(Verdict(), what[0] == '\0' ? "Unknown/NotEnrolled" : "Unknown/IdentityDenied");
    EXPECT_EQ(TaintTextOf(), "") << what;
  }
}

TEST_F(Reconciler, AnActivationThatIsClearedTakesTheLabelAndItsReturnAloneDoesNotGiveIt) {
  MakeTrusted();
  const json key = server_.Find({kube::kTpmIdentity, kIdentityName})["status"]["attestationKey"];
  server_.Edit({kube::kTpmIdentity, kIdentityName},
               [](json& object) { object["status"].erase("attestationKey"); });
  Settle();
  EXPECT_EQ(Verdict(), "Unknown/NotEnrolled");
  EXPECT_EQ(Label(), "unknown");
  server_.Edit({kube::kTpmIdentity, kIdentityName},
               [&](json& object) { object["status"]["attestationKey"] = key; });
  Settle();
  EXPECT_EQ(Label(), "unknown") << "facts from before are not judged again";
  Attest();
  Settle();
  EXPECT_EQ(Label(), "true");
}

TEST_F(Reconciler, R4_UntrustedSticksThroughReportsExpiryAndDenial) {
  MakeUntrusted();
  StartOldLeader();
  const auto still = [&](const char* after) {
    Settle();
    EXPECT_EQ(Verdict(), "Untrusted/PCRMismatch") << after;
    EXPECT_EQ(Label(), "false") << after;
    EXPECT_EQ(NodeCondition(), "False/PCRMismatch") << after;
    EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule") << after;
  };
  Report(Reason::kTpmError);
  still("TPM error");
  clock_.Advance(seconds(3600));
  still("expiry");
  EditPolicy("pcr4", [](json& spec) { spec.erase("pcrs"); });
  still("policy not ready");
  Decide("Denied");
  still("denial");
}

TEST_F(Reconciler, ForgedEvidenceIsNotForgivenByJudgingTheGoodOneBeforeIt) {
  MakeTrusted();
  Reject(Reason::kSignatureInvalid);
  Settle();
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(TaintTextOf(), "SignatureInvalid:NoSchedule");
  EditPolicy("pcr4", [](json& spec) { spec["freshness"]["intervalSeconds"] = 200; });
  Settle();
  EXPECT_EQ(Verdict(), "Untrusted/SignatureInvalid");
  EXPECT_EQ(Label(), "false");
}

TEST_F(Reconciler, APolicyEffectThatChangesIsFollowed) {
  MakeUntrusted();
  EditPolicy("pcr4",
             [](json& spec) { spec["enforcement"]["taint"]["effect"] = "PreferNoSchedule"; });
  Settle();
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:PreferNoSchedule");
  EditPolicy("pcr4", [](json& spec) { spec["enforcement"]["taint"]["effect"] = "None"; });
  Settle();
  EXPECT_EQ(TaintTextOf(), "");
  EXPECT_EQ(Label(), "false");
}

TEST_F(Reconciler, AnAuditPolicyNeverMarks) {
  PutNode();
  PutPolicy("audit", PolicyObjectJson("Audit", kBadDigest));
  PutIdentity();
  Attest();
  Settle();
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(Verdict(), "Unknown/NoEnforcingPolicy");
  const NodeAttestationStatus status = Recorded();
  ASSERT_NE(Find(status.conditions, "AuditPassed"), nullptr);
  EXPECT_EQ(Find(status.conditions, "AuditPassed")->status, ConditionStatus::kFalse);
}

TEST_F(Reconciler, NothingIsWrittenWithoutTheLease) {
  MakeTrusted();
  may_write_ = false;
  Attest(kBadDigest);
  server_.ClearLog();
  EXPECT_FALSE(Once());
  for (const std::string& line : Requests()) {
    EXPECT_TRUE(line.starts_with("GET")) << line;
  }
}

TEST_F(Reconciler, MarksThatTheApiServerRefusesShowInTheStatus) {
  MakeTrusted();
  Attest(kBadDigest);
  server_.Intercept(
      [](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method != "PATCH") {
          return std::nullopt;
        }
        return transport::HttpResponse{.status = 403,
                                       .headers = {},
                                       .body = R"({"kind":"Status","message":"denied by policy"})"};
      });
  EXPECT_FALSE(Once());
  const NodeAttestationStatus status = Recorded();
  const Condition* enforced = Find(status.conditions, "Enforced");
  ASSERT_NE(enforced, nullptr);
  EXPECT_EQ(enforced->status, ConditionStatus::kFalse);
  EXPECT_EQ(enforced->reason, "MarksRefused");
}

TEST_F(Reconciler, ANodeThatIsGoneIsForgotten) {
  MakeTrusted();
  server_.Remove({kube::kNode, kNodeName});
  server_.ClearLog();
  const auto again = Once();
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
  EXPECT_TRUE(Requests().empty());
}

}  // namespace
}  // namespace plimsoll::controller::enforce
