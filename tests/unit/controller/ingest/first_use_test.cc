#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "ingest_world.h"

// What the first good evidence of a node leaves with its identity: baselines of PCRs (match:
// Unchanged, FirstUse) and admissions by first use, with their guard rails.
namespace plimsoll::controller::ingest {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kThirdUid[] = "33333333-3333-4333-8333-333333333333";

json Rule(uint32_t pcr, const std::string& match) {
  return {{"bank", "sha256"}, {"index", pcr}, {"match", match}};
}

class FirstEvidence : public ::testing::Test {
 protected:
  FirstEvidence() {
    for (uint32_t pcr = 0; pcr < 8; ++pcr) {
      agent.tpm.Extend(tcg::AlgorithmId::kSha256, pcr, Bytes(32, static_cast<uint8_t>(pcr + 1)));
    }
  }

  // A policy of PCR 4; first-use rules of spec.identity in `first_use`, null for a person's word.
  void AddPolicy(const std::string& name, const std::string& match, json first_use = nullptr) {
    json identity = {{"admission", "Approved"}};
    if (!first_use.is_null()) {
      identity = {{"admission", "FirstUse"}, {"firstUse", std::move(first_use)}};
    }
    world.AddPolicy(name,
                    {{"mode", "Enforce"}, {"identity", identity}, {"pcrs", {Rule(4, match)}}});
  }
  std::string UidOf(const std::string& policy) const {
    return world.policies.Get(policy)->meta.uid;
  }
  static evidence::EvidenceResponse Verdict(const http::Response& response) {
    auto verdict = evidence::DecodeEvidenceResponse(response.body);
    EXPECT_TRUE(verdict) << response.status << " " << response.body;
    return verdict ? *verdict : evidence::EvidenceResponse{};
  }
  void Approve(const std::string& reason = "") {
    world.server.Edit({kube::kTpmIdentity, agent.IdentityName()}, [&](json& object) {
      object["spec"]["decision"] = "Approved";
      object["spec"]["decisionReason"] = reason;
    });
    ASSERT_TRUE(world.reconciler.ReconcileAll());
  }
  TpmIdentity Identity() const { return world.IdentityNamed(agent.IdentityName()); }
  std::string Pcr4() const { return ToHex(agent.tpm.Pcr(tcg::AlgorithmId::kSha256, 4)); }
  void ChangePcr4() { agent.tpm.Extend(tcg::AlgorithmId::kSha256, 4, Bytes(32, 0xEE)); }
  std::string RecordedPcr4() const {
    const auto& baselines = Identity().status.baselines;
    return baselines.size() == 1 && baselines[0].pcrs.size() == 1 ? baselines[0].pcrs[0].digest
                                                                  : "";
  }
  std::vector<std::string> FirstUses(const std::string& identity) const {
    std::vector<std::string> refs;
    for (const Admission& admission : world.IdentityNamed(identity).status.admissions) {
      if (admission.by == Admission::By::kFirstUse) {
        refs.push_back(admission.ref);
      }
    }
    return refs;
  }

  // The same machine on another node: a TPM of its own with the same PCR values.
  std::unique_ptr<TestAgent> Twin(const std::string& node, const std::string& uid) {
    if (!world.nodes.Get(node)) {
      world.AddNode(node, uid);
    }
    auto twin = std::make_unique<TestAgent>(world, KnownToken{.node_name = node, .node_uid = uid});
    for (uint32_t pcr = 0; pcr < 8; ++pcr) {
      twin->tpm.Extend(tcg::AlgorithmId::kSha256, pcr, Bytes(32, static_cast<uint8_t>(pcr + 1)));
    }
    EXPECT_EQ(twin->EnrollAndActivate().status, 200);
    return twin;
  }

  IngestWorld world;
  TestAgent agent{world};
};

TEST_F(FirstEvidence, UnchangedHoldsTheNodeToTheValuesAtTheApproval) {
  AddPolicy("unchanged", "Unchanged");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  EXPECT_THAT(Identity().status.baselines, IsEmpty()) << "nobody has approved anything";
  Approve();
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  ASSERT_EQ(RecordedPcr4(), Pcr4());
  EXPECT_EQ(Identity().status.baselines[0].policy_uid, UidOf("unchanged"));
  EXPECT_TRUE(Identity().status.baselines[0].time);
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");

  const std::string before = Pcr4();
  ChangePcr4();
  EXPECT_EQ(Verdict(agent.Attest()).reason, "PCRMismatch");
  EXPECT_EQ(RecordedPcr4(), before);
  const auto status = world.StatusOf("worker-1");
  ASSERT_FALSE(status.policies[0].violations.empty());
  EXPECT_EQ(status.policies[0].violations[0].expected, before);
  EXPECT_EQ(status.policies[0].violations[0].observed, Pcr4());
}

TEST_F(FirstEvidence, ANewApprovalRecordsUnchangedAnewAndAnotherEditOfTheStatusDoesNot) {
  AddPolicy("unchanged", "Unchanged");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const std::string before = RecordedPcr4();
  ChangePcr4();
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Untrusted");
  Approve("INC-4711: new boot loader");
  EXPECT_THAT(Identity().status.baselines, IsEmpty());
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_EQ(RecordedPcr4(), Pcr4());
  EXPECT_NE(RecordedPcr4(), before);
}

TEST_F(FirstEvidence, ANewApprovalLeavesTheValuesOfAFirstUseAlone) {
  AddPolicy("first", "FirstUse");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const std::string before = RecordedPcr4();
  ChangePcr4();
  Approve("INC-4711");
  EXPECT_EQ(Verdict(agent.Attest()).reason, "PCRMismatch");
  EXPECT_EQ(RecordedPcr4(), before);
}

TEST_F(FirstEvidence, ABaselineOutlivesTheNodeObject) {
  AddPolicy("unchanged", "Unchanged");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const std::string before = RecordedPcr4();
  world.server.Remove({kube::kNode, "worker-1"});
  world.AddNode("worker-1", kThirdUid);
  agent.token = world.MakeToken({.node_uid = kThirdUid});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  ChangePcr4();
  EXPECT_EQ(Verdict(agent.Attest()).reason, "PCRMismatch");
  EXPECT_EQ(RecordedPcr4(), before);
}

TEST_F(FirstEvidence, NothingIsRecordedOfEvidenceThatFailsSomethingElse) {
  world.AddPolicy(
      "both",
      {{"mode", "Enforce"},
       {"pcrs", {Rule(4, "Unchanged"), fakes::ControllerWorld::Pcr0(std::string(64, 'b'))}}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  EXPECT_EQ(Verdict(agent.Attest()).reason, "PCRMismatch");
  EXPECT_THAT(Identity().status.baselines, IsEmpty());
}

TEST_F(FirstEvidence, WhoeverRecordsFirstDecidesWhatEveryRoundIsJudgedBy) {
  AddPolicy("unchanged", "Unchanged");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  // Another replica records other values between our reading and our writing.
  const std::string uid = UidOf("unchanged");
  bool raced = false;
  world.interceptor =
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
    if (!raced && request.method == "PUT" &&
        request.path_and_query.find("tpmidentities/" + agent.IdentityName() + "/status") !=
            std::string::npos &&
        request.body.find("baselines") != std::string::npos) {
      raced = true;
      world.server.Edit({kube::kTpmIdentity, agent.IdentityName()}, [&](json& object) {
        object["status"]["baselines"] = {
            {{"policyUID", uid},
             {"pcrs", {{{"bank", "sha256"}, {"index", 4}, {"digest", std::string(64, 'd')}}}}}};
      });
    }
    return std::nullopt;
  };
  EXPECT_EQ(Verdict(agent.Attest()).reason, "PCRMismatch");
  EXPECT_TRUE(raced);
  EXPECT_EQ(RecordedPcr4(), std::string(64, 'd'));
}

TEST_F(FirstEvidence, WhatIsRecordedBelongsToTheInputsOfAVerdict) {
  AddPolicy("unchanged", "Unchanged");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const TpmIdentity recorded = Identity();
  const auto policies = world.picture.For(*world.nodes.Get("worker-1"));
  EXPECT_EQ(world.StatusOf("worker-1").inputs, policies::InputsHash(policies, &recorded));
  TpmIdentity other = recorded;
  other.status.baselines[0].pcrs[0].digest = std::string(64, 'e');
  EXPECT_NE(policies::InputsHash(policies, &other), policies::InputsHash(policies, &recorded));
  other.status.baselines.clear();
  EXPECT_NE(policies::InputsHash(policies, &other), policies::InputsHash(policies, &recorded));
}

TEST_F(FirstEvidence, ABaselineGoesWithItsPolicyAndOnlyThen) {
  AddPolicy("unchanged", "Unchanged");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  Approve();
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(RecordedPcr4(), Pcr4());
  world.server.Remove({kube::kAttestationPolicy, "unchanged"});
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(Identity().status.baselines, IsEmpty());
}

TEST_F(FirstEvidence, AFirstUseAdmitsTheFirstTpmAndHoldsItToItsValues) {
  AddPolicy("first", "FirstUse", {{"notAfter", "2027-01-01T00:00:00Z"}});
  AddPolicy("person", "Unchanged");
  world.server.Edit({kube::kAttestationPolicy, "person"},
                    [](json& object) { object["spec"]["mode"] = "Audit"; });
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_THAT(FirstUses(agent.IdentityName()), ElementsAre(UidOf("first")));
  EXPECT_TRUE(world.HasEvent("worker-1", "FirstUseAdmitted"));
  EXPECT_EQ(RecordedPcr4(), Pcr4()) << "of the policy that admitted it, and of no other";
  EXPECT_EQ(Identity().decision, Decision::kPending);
  for (const PolicyResult& result : world.StatusOf("worker-1").policies) {
    EXPECT_EQ(result.result, result.name == "first" ? "Pass" : "Unknown") << result.name;
  }
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(FirstUses(agent.IdentityName()), ElementsAre(UidOf("first")))
      << "the leader keeps it";
  ChangePcr4();
  EXPECT_EQ(Verdict(agent.Attest()).reason, "PCRMismatch");
}

TEST_F(FirstEvidence, AFirstUseEndsWithItsWindow) {
  AddPolicy("first", "FirstUse", {{"notAfter", "2026-11-24T00:00:00Z"}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  EXPECT_THAT(FirstUses(agent.IdentityName()), IsEmpty());
  world.server.Edit({kube::kAttestationPolicy, "first"}, [](json& object) {
    object["spec"]["identity"]["firstUse"]["notAfter"] = "2027-01-01T00:00:00Z";
  });
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  world.clock.Advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted") << "what was admitted in time stays";
}

TEST_F(FirstEvidence, AFirstUseNeedsItsFloor) {
  const std::string pcr0 = ToHex(agent.tpm.Pcr(tcg::AlgorithmId::kSha256, 0));
  const auto floor = [&](const std::string& digest) {
    world.server.Put(
        {kube::kReferenceValues, "floor"},
        {{"spec", {{"pcrs", {{{"bank", "sha256"}, {"index", 0}, {"digests", {digest}}}}}}}});
  };
  floor(std::string(64, 'b'));
  AddPolicy("first", "FirstUse", {{"referenceValueRefs", {"floor"}}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  EXPECT_THAT(FirstUses(agent.IdentityName()), IsEmpty());
  floor(pcr0);
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
}

TEST_F(FirstEvidence, AFirstUseNeedsItsQuorumOfNodesThatShowTheSame) {
  AddPolicy("first", "FirstUse", {{"quorum", 3}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  const auto second = Twin("worker-2", fakes::kOtherWorkerUid);
  second->tpm.Extend(tcg::AlgorithmId::kSha256, 4, Bytes(32, 0x55));
  const auto third = Twin("worker-3", kThirdUid);
  EXPECT_EQ(Verdict(second->Attest()).reason, "IdentityPending");
  EXPECT_EQ(Verdict(third->Attest()).reason, "IdentityPending") << "two of three show the same";
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");

  const auto fourth = Twin("worker-4", "44444444-4444-4444-8444-444444444444");
  EXPECT_EQ(Verdict(fourth->Attest()).verdict, "Trusted");
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_EQ(Verdict(third->Attest()).verdict, "Trusted");
  EXPECT_EQ(Verdict(second->Attest()).reason, "IdentityPending") << "it shows something else";
}

TEST_F(FirstEvidence, NodesThatAreGoneSilentOrOutsideOfThePolicyAreNoQuorum) {
  AddPolicy("first", "FirstUse", {{"quorum", 2}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  const auto other = Twin("worker-2", fakes::kOtherWorkerUid);
  EXPECT_EQ(Verdict(other->Attest()).reason, "IdentityPending");
  world.clock.Advance(std::chrono::seconds(901));  // its evidence has expired
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  EXPECT_EQ(Verdict(other->Attest()).verdict, "Trusted");

  world.Decide(other->IdentityName(), "Denied");
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending") << "a denied TPM is no witness";
  world.Decide(other->IdentityName(), "Pending");
  world.server.Edit({kube::kAttestationPolicy, "first"}, [](json& object) {
    object["spec"]["nodeSelector"] = {{"matchLabels", {{"pool", "a"}}}};
  });
  world.server.Edit({kube::kNode, "worker-1"}, [](json& object) {
    object["metadata"]["labels"] = {{"pool", "a"}};
  });
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  world.server.Edit({kube::kNode, "worker-2"}, [](json& object) {
    object["metadata"]["labels"] = {{"pool", "a"}};
  });
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
}

TEST_F(FirstEvidence, ANodeThatWasMadeAnewSinceIsNoQuorum) {
  AddPolicy("first", "FirstUse", {{"quorum", 2}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  const auto other = Twin("worker-2", fakes::kOtherWorkerUid);
  EXPECT_EQ(Verdict(other->Attest()).reason, "IdentityPending");
  world.server.Remove({kube::kNode, "worker-2"});
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  world.AddNode("worker-2", kThirdUid);
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending")
      << "its TPM is not bound to this one";
}

TEST_F(FirstEvidence, OnlyTheFirstTpmOfANodeHasAFirstUse) {
  AddPolicy("first", "FirstUse", {{"quorum", 1}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  TestAgent other(world);
  for (uint32_t pcr = 0; pcr < 8; ++pcr) {
    other.tpm.Extend(tcg::AlgorithmId::kSha256, pcr, Bytes(32, static_cast<uint8_t>(pcr + 1)));
  }
  ASSERT_EQ(other.EnrollAndActivate().status, 200) << "nobody is admitted yet";
  EXPECT_EQ(Verdict(other.Attest()).reason, "IdentityPending");
  EXPECT_THAT(FirstUses(other.IdentityName()), IsEmpty());
  world.Decide(agent.IdentityName(), "Denied");
  EXPECT_EQ(Verdict(other.Attest()).reason, "IdentityPending")
      << "a person has to say that it takes the place of one that was denied";
}

TEST_F(FirstEvidence, OfTwoTpmsAtOnceNoneIsAdmittedBehindTheOthersBack) {
  AddPolicy("first", "FirstUse", {{"quorum", 1}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  // While the first use is being written, another TPM is admitted for the node.
  bool raced = false;
  world.interceptor =
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
    if (!raced && request.method == "PUT" &&
        request.path_and_query.find(agent.IdentityName() + "/status") != std::string::npos &&
        request.body.find("FirstUse") != std::string::npos) {
      raced = true;
      world.server.Put({kube::kTpmIdentity, "ek-" + std::string(32, '9')},
                       {{"spec",
                         {{"endorsementKeySHA256", std::string(64, '9')},
                          {"nodeName", "worker-1"},
                          {"source", "Discovered"},
                          {"decision", "Approved"}}}});
    }
    return std::nullopt;
  };
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  EXPECT_TRUE(raced);
  EXPECT_THAT(FirstUses(agent.IdentityName()), IsEmpty());
  EXPECT_THAT(Identity().status.baselines, IsEmpty());
  EXPECT_TRUE(world.HasNoEventYet("FirstUseAdmitted"));
}

TEST_F(FirstEvidence, AConflictEndsAFirstUseAndGivesItToNobodyElse) {
  AddPolicy("first", "FirstUse", {{"quorum", 1}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  TestAgent other(world);
  for (uint32_t pcr = 0; pcr < 8; ++pcr) {
    other.tpm.Extend(tcg::AlgorithmId::kSha256, pcr, Bytes(32, static_cast<uint8_t>(pcr + 1)));
  }
  EXPECT_EQ(other.EnrollAndActivate().status, 409);
  EXPECT_TRUE(world.HasEvent("worker-1", "IdentityConflict"));
  EXPECT_THAT(FirstUses(agent.IdentityName()), IsEmpty());
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
  ASSERT_EQ(other.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(other.Attest()).reason, "IdentityPending");
  EXPECT_THAT(FirstUses(other.IdentityName()), IsEmpty());

  world.clock.Advance(std::chrono::hours(25));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(Find(Identity().status.conditions, "ConflictFree")->reason, "IdentityConflict")
      << "a conflict is not forgotten with those that nobody has decided about";
}

TEST_F(FirstEvidence, AFirstUseGoesWithItsPolicyOrWhenThatWantsAPerson) {
  AddPolicy("first", "FirstUse", {{"quorum", 1}});
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  ASSERT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  AddPolicy("first", "FirstUse");
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(FirstUses(agent.IdentityName()), IsEmpty());
  EXPECT_EQ(Verdict(agent.Attest()).reason, "IdentityPending");
}

}  // namespace
}  // namespace plimsoll::controller::ingest
