#include "unit/controller/enforce/fleet.h"

#include <gmock/gmock.h>

namespace plimsoll::controller::enforce {
namespace {

using fakes::kBadDigest;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;
using std::chrono::seconds;

json Limited(const json& limit, const std::string& digest = kGoodDigest,
             const std::string& effect = "NoSchedule") {
  json policy = PolicyObjectJson("Enforce", digest, effect);
  policy["spec"]["enforcement"]["maxUntrusted"] = limit;
  return policy;
}

class BudgetInTheFleet : public Fleet {
 protected:
  void AddNodes(size_t count, const std::string& digest) {
    for (size_t i = 0; i < count; ++i) {
      AddNode(i);
      Attest(i, digest);
    }
  }
};

TEST_F(BudgetInTheFleet, APolicyThatIsWrongForAThousandNodesTaintsTenAndTellsTheTruthAboutAll) {
  constexpr size_t kNodes = 1'000;
  PutPolicy("pcr4", Limited(10));
  AddNodes(kNodes, kGoodDigest);
  Settle();
  ASSERT_EQ(CountLabels("true"), kNodes);

  EditPolicy("pcr4", [](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kBadDigest}); });
  Settle();
  const std::set<std::string> tainted = Tainted();
  EXPECT_EQ(tainted.size(), 10U);
  EXPECT_EQ(CountLabels("false"), kNodes);
  EXPECT_EQ(reconciler_->Blocked().at("pcr4"), 990);
  size_t withheld = 0;
  for (size_t i = 0; i < kNodes; ++i) {
    const NodeAttestationStatus status = Recorded(i);
    const Condition* enforced = Find(status.conditions, "Enforced");
    ASSERT_NE(enforced, nullptr);
    const bool has = tainted.count(Name(i)) != 0;
    EXPECT_EQ(status.withheld_by, has ? "" : "BudgetExceeded");
    EXPECT_EQ(enforced->reason, has ? "MarksApplied" : "BudgetExceeded");
    EXPECT_EQ(enforced->status, has ? ConditionStatus::kTrue : ConditionStatus::kFalse);
    withheld += has ? 0 : 1;
  }
  EXPECT_EQ(withheld, 990U);

  StartLeader();
  Settle();
  EXPECT_EQ(Tainted(), tainted) << "another leader decides the same";
  EXPECT_EQ(reconciler_->Blocked().at("pcr4"), 990);

  EditPolicy("pcr4", [](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kGoodDigest}); });
  Settle();
  EXPECT_TRUE(Tainted().empty());
  EXPECT_EQ(CountLabels("true"), kNodes);
  EXPECT_EQ(reconciler_->Blocked().at("pcr4"), 0);
  EXPECT_EQ(Recorded(999).withheld_by, "");
}

TEST_F(BudgetInTheFleet, ThePlaceOfANodeThatRecoversGoesToOneThatWaits) {
  PutPolicy("pcr4", Limited(1));
  AddNodes(3, kGoodDigest);
  Settle();
  for (size_t i = 0; i < 3; ++i) {
    clock_.Advance(seconds(1));
    Attest(i, kBadDigest);
    Settle();
  }
  EXPECT_EQ(Tainted(), std::set<std::string>{Name(0)});
  Attest(0, kGoodDigest);
  Settle();
  EXPECT_EQ(Tainted(), std::set<std::string>{Name(1)}) << "who has waited longest";
  server_.Remove({kube::kNode, Name(1)});
  (void)reconciler_->Reconcile(Name(1));
  Settle();
  EXPECT_EQ(Tainted(), std::set<std::string>{Name(2)});
}

TEST_F(BudgetInTheFleet, ANewLeaderGivesNoPlaceAwayThatATaintHoldsWhoeverAsksFirst) {
  PutPolicy("pcr4", Limited(1));
  AddNodes(3, kGoodDigest);
  Settle();
  Attest(2, kBadDigest);
  Settle();
  clock_.Advance(seconds(1));
  Attest(0, kBadDigest);
  Attest(1, kBadDigest);
  Settle();
  ASSERT_EQ(Tainted(), std::set<std::string>{Name(2)});
  StartLeader();
  for (const size_t i : {0, 1, 2}) {
    ASSERT_TRUE(reconciler_->Reconcile(Name(i)));
  }
  EXPECT_EQ(Tainted(), std::set<std::string>{Name(2)});
}

TEST_F(BudgetInTheFleet, NoExecuteWithoutALimitEvictsAtMostAQuarterOfTheNodes) {
  PutPolicy("pcr4", PolicyObjectJson("Enforce", kGoodDigest, "NoExecute"));
  AddNodes(10, kGoodDigest);
  Settle();
  for (size_t i = 0; i < 10; ++i) {
    Attest(i, kBadDigest);
  }
  Settle();
  EXPECT_EQ(Tainted().size(), 3U);
  EXPECT_EQ(CountLabels("false"), 10U);
}

TEST_F(BudgetInTheFleet, AProvenFailureIsTaintedThoughUnknownNodesHaveUsedTheBudgetUp) {
  PutPolicy("pcr4", Limited(2));
  AddNodes(4, kGoodDigest);
  Settle();
  StartLeader(std::chrono::hours(1));
  clock_.Advance(seconds(850));
  Attest(3, kGoodDigest);  // the others have fallen silent
  clock_.Advance(seconds(100));
  Settle();
  EXPECT_EQ(Tainted().size(), 2U);
  EXPECT_EQ(CountLabels("unknown"), 3U);
  EXPECT_EQ(reconciler_->Blocked().at("pcr4"), 1);
  Attest(3, kBadDigest);
  Settle();
  EXPECT_EQ(Tainted().count(Name(3)), 1U);
  EXPECT_EQ(Tainted().size(), 2U) << "of the Unknown ones one has given its place away";
  EXPECT_EQ(reconciler_->Blocked().at("pcr4"), 2);
}

TEST_F(BudgetInTheFleet, ReasonsThatNeedNoTpmTaintBesideTheBudgetAndNeverEvict) {
  PutPolicy("pcr4", Limited(1, kGoodDigest, "NoExecute"));
  AddNodes(3, kGoodDigest);
  Settle();
  const auto reject = [&](size_t i) {
    const auto node = nodes_.Get(Name(i));
    const auto policies = policies_.picture.For(*node);
    ASSERT_TRUE(recorder_->Apply(
        Name(i), node->meta.uid, policies.expire, [&](const NodeAttestationStatus& current) {
          appraisal::Appraisal appraisal;
          appraisal.verdict = appraisal::Verdict::kUntrusted;
          appraisal.reason = appraisal::Reason::kSignatureInvalid;
          return record::AfterAppraisal(
              current, appraisal, "ek-" + Name(i),
              {node->meta.uid, policies,
               policies::InputsHash(policies, identities_.Get("ek-" + Name(i)).get()),
               clock_.Wall()});
        }));
  };
  reject(0);
  reject(1);
  Settle();
  EXPECT_EQ(Tainted().size(), 2U);
  EXPECT_EQ(TaintText(OurTaints(*nodes_.Get(Name(0)), MarkNames().taint)),
            "SignatureInvalid:NoSchedule");
  Attest(2, kBadDigest);
  Settle();
  EXPECT_EQ(TaintText(OurTaints(*nodes_.Get(Name(2)), MarkNames().taint)), "PCRMismatch:NoExecute");
  // Whoever holds the token of node 2 cannot weaken what its TPM has proven.
  reject(2);
  Settle();
  EXPECT_EQ(Label(2), "false");
  EXPECT_EQ(TaintText(OurTaints(*nodes_.Get(Name(2)), MarkNames().taint)), "PCRMismatch:NoExecute");
  EXPECT_EQ(reconciler_->Blocked().at("pcr4"), 0);
}

TEST_F(BudgetInTheFleet, AStartupTaintUsesNoPlaceAndIsNeverTakenAwayForABudget) {
  PutPolicy("pcr4", Limited(1));
  for (size_t i = 0; i < 4; ++i) {
    AddNode(i, json::object(),
            json::array({fakes::TaintObject(MarkNames().taint, "Pending", "NoSchedule")}));
  }
  Attest(0, kBadDigest);
  Attest(1, kBadDigest);
  StartLeader(std::chrono::hours(1));
  clock_.Advance(seconds(2'000));
  Settle();
  EXPECT_EQ(Tainted().size(), 4U) << "none of them was ever Trusted";
  std::multiset<std::string> taints;
  for (size_t i = 0; i < 4; ++i) {
    taints.insert(TaintText(OurTaints(*nodes_.Get(Name(i)), MarkNames().taint)));
  }
  EXPECT_THAT(taints, testing::ElementsAre("PCRMismatch:NoSchedule", "Pending:NoSchedule",
                                           "Pending:NoSchedule", "Pending:NoSchedule"));
}

}  // namespace
}  // namespace plimsoll::controller::enforce
