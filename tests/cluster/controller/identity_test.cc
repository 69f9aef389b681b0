#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/encoding.h"
#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"

// Identities against the real API server and real controller processes: first use with its guard
// rails, values that must not change, conflicts, release, weak firmware.
namespace plimsoll::cluster {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

void Connect(SoftwareNode& node, size_t replica = 0) {
  node.Connect(Deployment::Get().replica(replica).address(), Deployment::Get().ca_pem());
}

// An Enforce policy for `group` with these rules of PCR 0 and 4, each with `match`.
std::string MatchPolicy(const std::string& name, const std::string& group, const std::string& match,
                        const std::string& identity) {
  return "apiVersion: plimsoll.dev/v1alpha1\nkind: AttestationPolicy\nmetadata: {name: " + name +
         "}\nspec:\n  mode: Enforce\n  nodeSelector: {matchLabels: {plimsoll-test: " + group +
         "}}\n  freshness: {intervalSeconds: 10, expireSeconds: 60}\n  identity: " + identity +
         "\n  pcrs:\n  - {bank: sha256, index: 0, match: " + match +
         "}\n  - {bank: sha256, index: 4, match: " + match + "}\n";
}

json StatusOf(const std::string& identity) {
  const json object = GetObject("tpmidentity", identity);
  return object.is_null() ? json::object() : object.value("status", json::object());
}

// "Status/Reason" of a condition of the TPMIdentity.
std::string ConditionOf(const std::string& identity, const std::string& type) {
  for (const json& condition : StatusOf(identity).value("conditions", json::array())) {
    if (condition["type"] == type) {
      return condition["status"].get<std::string>() + "/" + condition["reason"].get<std::string>();
    }
  }
  return "";
}

std::vector<std::string> AdmittedBy(const std::string& identity) {
  std::vector<std::string> by;
  for (const json& admission : StatusOf(identity).value("admissions", json::array())) {
    by.push_back(admission["by"]);
  }
  return by;
}

// The recorded value of PCR 4; empty where there is none, or more than one.
std::string BaselineOf(const std::string& identity) {
  const json baselines = StatusOf(identity).value("baselines", json::array());
  std::string found;
  for (const json& baseline : baselines) {
    for (const json& pcr : baseline.value("pcrs", json::array())) {
      if (pcr["index"] == 4) {
        found += pcr["digest"].get<std::string>();
      }
    }
  }
  return found;
}

void ApproveAgain(const SoftwareNode& node, const std::string& reason) {
  ASSERT_TRUE(
      Cluster()
          .Kubectl({"patch", "tpmidentity", node.identity(), "--type=merge", "-p",
                    R"({"spec":{"decision":"Approved","decisionReason":")" + reason + R"("}})"})
          .ok());
}

TEST(Identity, AFirstUseNeedsItsQuorumAndHoldsTheNodesToWhatTheyShowed) {
  SoftwareNode first("fu-1", "fu");
  SoftwareNode second("fu-2", "fu");
  Connect(first, 0);
  Connect(second, 1);
  ASSERT_TRUE(Cluster()
                  .Apply(MatchPolicy("fu", "fu", "FirstUse",
                                     "{admission: FirstUse, firstUse: {quorum: 2, notAfter: "
                                     "\"2099-01-01T00:00:00Z\"}}"))
                  .ok());
  ASSERT_EQ(first.Enroll().status, 200);
  ASSERT_EQ(second.Enroll().status, 200);
  ASSERT_TRUE(Eventually([&] { return first.Attest().reason == "IdentityPending"; }));
  EXPECT_THAT(AdmittedBy(first.identity()), testing::IsEmpty()) << "one node is no quorum";

  ASSERT_TRUE(Eventually([&] { return second.Attest().verdict == "Trusted"; }))
      << TrustedReason("fu-2");
  ASSERT_TRUE(Eventually([&] { return first.Attest().verdict == "Trusted"; }));
  EXPECT_THAT(AdmittedBy(first.identity()), testing::ElementsAre("FirstUse"));
  EXPECT_EQ(BaselineOf(first.identity()), first.Pcrs()[4]);
  EXPECT_TRUE(Eventually([] { return Label("fu-1") == "true" && Label("fu-2") == "true"; }));
  EXPECT_TRUE(Eventually([] { return HasEvent("fu-1", "FirstUseAdmitted"); }));
  EXPECT_THAT(Cluster().Kubectl({"get", "tpmid", first.identity(), "-o", "wide"}).out,
              HasSubstr("FirstUse"))
      << "listed for review";
  EXPECT_EQ(GetObject("tpmidentity", first.identity())["spec"]["decision"], "Pending");

  const std::string before = first.Pcrs()[4];
  first.tpm().Extend(tcg::AlgorithmId::kSha256, 4, Bytes(32, 0xee));
  EXPECT_TRUE(Eventually([&] { return first.Attest().reason == "PCRMismatch"; }));
  EXPECT_EQ(BaselineOf(first.identity()), before);
  EXPECT_TRUE(Eventually([] { return Label("fu-1") == "false"; }));
  EXPECT_EQ(second.Attest().verdict, "Trusted");
}

TEST(Identity, AClosedWindowAdmitsNobodyAndAFirstUseSatisfiesNoOtherPolicy) {
  SoftwareNode node("fu-3", "fu3");
  Connect(node);
  ASSERT_TRUE(Cluster()
                  .Apply(MatchPolicy("fu3", "fu3", "FirstUse",
                                     "{admission: FirstUse, firstUse: {notAfter: "
                                     "\"2020-01-01T00:00:00Z\"}}"))
                  .ok());
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Eventually([&] { return node.Attest().reason == "IdentityPending"; }));
  ASSERT_TRUE(Cluster()
                  .Apply(MatchPolicy("fu3", "fu3", "FirstUse",
                                     "{admission: FirstUse, firstUse: {notAfter: "
                                     "\"2099-01-01T00:00:00Z\"}}"))
                  .ok());
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("fu3-person", "fu3", node.Pcrs())).ok());
  EXPECT_TRUE(Eventually([&] { return node.Attest().reason == "IdentityPending"; }));
  EXPECT_TRUE(Eventually([] { return Label("fu-3") == "unknown"; }));
  ASSERT_TRUE(Cluster().Kubectl({"delete", "apol", "fu3-person"}).ok());
  EXPECT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));

  ASSERT_TRUE(Cluster().Kubectl({"delete", "apol", "fu3"}).ok());
  EXPECT_TRUE(Eventually([&] { return AdmittedBy(node.identity()).empty(); }));
  EXPECT_TRUE(Eventually([&] { return BaselineOf(node.identity()).empty(); }))
      << "with the policy goes what was recorded for it";
}

TEST(Identity, UnchangedComparesWithTheApprovalAndANewOneRenewsIt) {
  SoftwareNode node("un-1", "un");
  Connect(node);
  ASSERT_TRUE(Cluster().Apply(MatchPolicy("un", "un", "Unchanged", "{admission: Approved}")).ok());
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  ASSERT_TRUE(Eventually([&] { return node.Attest().reason == "IdentityPending"; }));
  EXPECT_EQ(BaselineOf(node.identity()), "");
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  const std::string approved = node.Pcrs()[4];
  EXPECT_EQ(BaselineOf(node.identity()), approved);

  node.tpm().Extend(tcg::AlgorithmId::kSha256, 4, Bytes(32, 0xee));
  ASSERT_TRUE(Eventually([&] { return node.Attest().reason == "PCRMismatch"; }));
  EXPECT_TRUE(Eventually([] { return Label("un-1") == "false"; }));
  const json violation =
      GetObject("nodeattestation", "un-1")["status"]["policies"][0]["violations"][0];
  EXPECT_EQ(violation["expected"], approved);
  EXPECT_EQ(violation["observed"], node.Pcrs()[4]);

  ApproveAgain(node, "INC-4711: new boot loader");
  EXPECT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  EXPECT_EQ(BaselineOf(node.identity()), node.Pcrs()[4]);
  EXPECT_TRUE(Eventually([] { return Label("un-1") == "true"; }));
}

TEST(Identity, TwoReplicasThatJudgeTheFirstEvidenceAtOnceRecordOneBaseline) {
  SoftwareNode node("un-2", "un2");
  Connect(node);
  ASSERT_TRUE(
      Cluster().Apply(MatchPolicy("un2", "un2", "Unchanged", "{admission: Approved}")).ok());
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Eventually([&] { return node.Attest().reason == "IdentityPending"; }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return AdmittedBy(node.identity()).size() == 1; }));
  const auto clone =
      node.OnAnotherConnection(Deployment::Get().replica(1).address(), Deployment::Get().ca_pem());
  clone->tpm().Extend(tcg::AlgorithmId::kSha256, 4, Bytes(32, 0xee));
  // The reason of a round; of two at once one may be told that its quote is not the later one.
  const auto attest = [](SoftwareNode& who) -> std::string {
    const auto asked = who.RequestChallenge();
    const auto challenge = evidence::DecodeChallengeResponse(asked.body);
    if (!challenge) {
      return ProblemReason(asked);
    }
    const auto response = who.SendEvidence(*challenge, who.Answer(*challenge));
    const auto verdict = evidence::DecodeEvidenceResponse(response.body);
    return verdict ? verdict->reason : ProblemReason(response);
  };
  {
    std::jthread one([&] { attest(node); });
    std::jthread two([&] { attest(*clone); });
  }
  ASSERT_TRUE(Eventually(
      [&] { return !BaselineOf(node.identity()).empty() || attest(node) == "AllPoliciesPassed"; }));
  const std::string recorded = BaselineOf(node.identity());
  EXPECT_THAT(recorded, testing::AnyOf(node.Pcrs()[4], clone->Pcrs()[4]));
  SoftwareNode& loser = recorded == node.Pcrs()[4] ? *clone : node;
  EXPECT_TRUE(Eventually([&] { return attest(loser) == "PCRMismatch"; }));
  EXPECT_EQ(BaselineOf(node.identity()), recorded);
}

TEST(Identity, EveryKindOfConflictIsAnEventAndAConditionWithItsReason) {
  SoftwareNode node("cf-1", "cf", fakes::KeyTemplate::AkP384());
  Connect(node);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("cf", "cf", node.Pcrs())).ok());
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  EXPECT_EQ(ConditionOf(node.identity(), "ConflictFree"), "True/NoConflict");

  // Another EK on the node: the old binding stands.
  SoftwareNode other("cf-2", "cf-other");
  Connect(other);
  const std::string others_token = other.token();
  other.set_token(node.token());
  EXPECT_EQ(ProblemReason(other.Enroll()), "IdentityConflict");
  EXPECT_TRUE(Eventually(
      [&] { return ConditionOf(node.identity(), "ConflictFree") == "False/IdentityConflict"; }));
  EXPECT_TRUE(Eventually([] { return HasEvent("cf-1", "IdentityConflict"); }));
  EXPECT_EQ(node.Attest().verdict, "Trusted");
  EXPECT_THAT(AdmittedBy(node.identity()), testing::ElementsAre("Human"));
  ApproveAgain(node, "looked at it");
  EXPECT_TRUE(Eventually([&] {
    return ConditionOf(node.identity(), "ConflictFree") == "True/ApprovedAfterIdentityConflict";
  }));

  // Its EK on another node.
  const std::string own_token = node.token();
  node.set_token(others_token);
  EXPECT_EQ(ProblemReason(node.Enroll()), "IdentityConflict");
  EXPECT_TRUE(Eventually(
      [&] { return ConditionOf(node.identity(), "ConflictFree") == "False/IdentityConflict"; }));
  EXPECT_TRUE(Eventually([] { return HasEvent("cf-2", "IdentityConflict"); }));
  node.set_token(own_token);
  EXPECT_EQ(node.Attest().verdict, "Trusted");
  ApproveAgain(node, "looked at it again");
  EXPECT_TRUE(Eventually([&] {
    return ConditionOf(node.identity(), "ConflictFree") == "True/ApprovedAfterIdentityConflict";
  }));

  // A weaker key than before: a person is asked, and nothing is trusted meanwhile.
  node.machine().tpm = fakes::SoftwareTpm(fakes::SoftwareKey(fakes::KeyTemplate::AkP256()));
  ASSERT_EQ(node.Enroll().status, 200);
  EXPECT_EQ(ConditionOf(node.identity(), "ConflictFree"), "False/KeyProfileChanged");
  EXPECT_TRUE(Eventually([] { return HasEvent("cf-1", "KeyProfileChanged"); }));
  EXPECT_TRUE(Eventually([] { return Label("cf-1") == "unknown"; }));
  EXPECT_THAT(AdmittedBy(node.identity()), testing::IsEmpty());
}

TEST(Identity, AnotherTpmUnderTheNameOfANodeThatIsMadeAnewIsAConflict) {
  SoftwareNode node("re-1", "re");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return AdmittedBy(node.identity()).size() == 1; }));
  ASSERT_TRUE(Cluster().Kubectl({"delete", "node", "re-1"}).ok());
  SoftwareNode again("re-1", "re");
  Connect(again);
  ASSERT_TRUE(Eventually([&] { return ProblemReason(again.Enroll()) == "IdentityConflict"; }))
      << "a person's approval outlives the Node";
  EXPECT_TRUE(Eventually(
      [&] { return ConditionOf(node.identity(), "ConflictFree") == "False/IdentityConflict"; }));
  EXPECT_TRUE(Eventually([] { return HasEvent("re-1", "IdentityConflict"); }));
  EXPECT_TRUE(GetObject("tpmidentity", again.identity()).is_null());
}

TEST(Identity, TwoNodesWithTheClockOfOneTpmAreMarkedAndAPersonIsAskedAboutBoth) {
  SoftwareNode one("sh-1", "sh");
  SoftwareNode two("sh-2", "sh");
  Connect(one, 0);
  Connect(two, 1);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("sh", "sh", one.Pcrs())).ok());
  for (SoftwareNode* node : {&one, &two}) {
    ASSERT_EQ(node->Enroll().status, 200);
    ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node->identity()).is_null(); }));
    node->Approve();
    ASSERT_TRUE(Eventually([&] { return node->Attest().verdict == "Trusted"; }));
  }
  EXPECT_EQ(ConditionOf(one.identity(), "ConflictFree"), "True/NoConflict");

  // From the next boot on both answer with one clock. How far it is from the time of receipt is
  // measured at the first quote of a boot; where this machine was too slow, the next boot decides.
  uint32_t boots = 1000;
  const auto attest = [&](SoftwareNode& node) {
    node.machine().statement.boot_id = "00000000-0000-4000-8000-00000000" + std::to_string(boots);
    const auto challenge = node.Challenge();
    const auto evidence = node.Answer(challenge, [&](fakes::AttestFields& fields) {
      fields.reset_count = boots;
      fields.restart_count = 0;
      fields.clock = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                               std::chrono::system_clock::now().time_since_epoch())
                                               .count() -
                                           1'700'000'000'000);
    });
    EXPECT_EQ(node.SendEvidence(challenge, evidence).status, 200);
  };
  const auto marked = [](const SoftwareNode& node) {
    return ConditionOf(node.identity(), "ConflictFree") == "False/SharedTPM";
  };
  for (int attempt = 0; attempt < 5 && !marked(one); ++attempt, ++boots) {
    attest(one);
    attest(two);
    Eventually([&] { return marked(one) && marked(two); }, std::chrono::seconds(10));
  }
  EXPECT_TRUE(marked(one));
  EXPECT_TRUE(marked(two));
  EXPECT_THAT(AdmittedBy(one.identity()), testing::IsEmpty());
  EXPECT_TRUE(
      Eventually([] { return HasEvent("sh-1", "SharedTPM") && HasEvent("sh-2", "SharedTPM"); }));
  EXPECT_TRUE(Eventually([] { return Label("sh-1") == "unknown" && Label("sh-2") == "unknown"; }));

  ApproveAgain(one, "two new machines that were switched on together");
  EXPECT_TRUE(Eventually([&] {
    return ConditionOf(one.identity(), "ConflictFree") == "True/ApprovedAfterSharedTPM";
  }));
  EXPECT_THAT(AdmittedBy(one.identity()), testing::ElementsAre("Human"));
  EXPECT_TRUE(marked(two));
}

TEST(Identity, FirmwareThatIsKnownToBeWeakIsACountAConditionAndAnEvent) {
  SoftwareNode node("fw-1", "fw");
  Connect(node);
  node.set_manufacturer("NTC");
  node.tpm().firmware_version = 0x0007'0002'0003'0001;  // 7.2.3.1
  ASSERT_EQ(node.Enroll().status, 200);
  node.Attest();
  EXPECT_TRUE(Eventually(
      [&] { return ConditionOf(node.identity(), "FirmwareWeak") == "True/KnownWeakness"; }));
  EXPECT_THAT(StatusOf(node.identity()).dump(), HasSubstr("CVE-2025-2884"));
  EXPECT_TRUE(Eventually([] { return HasEvent("fw-1", "FirmwareWeak"); }));
  EXPECT_TRUE(Eventually([] {
    return Deployment::Get().Leader()->Metrics().find("plimsoll_weak_firmware_nodes 1") !=
           std::string::npos;
  }));
  node.tpm().firmware_version = 0x0007'0002'0005'0000;
  EXPECT_TRUE(Eventually([&] {
    node.Attest();
    return ConditionOf(node.identity(), "FirmwareWeak") == "False/NoneKnown";
  }));
  EXPECT_TRUE(Eventually([] {
    return Deployment::Get().Leader()->Metrics().find("plimsoll_weak_firmware_nodes 0") !=
           std::string::npos;
  }));
}

TEST(Identity, ADeniedTpmLosesTheLabelAtOnce) {
  SoftwareNode node("de-1", "de");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("de", "de", node.Pcrs())).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  ASSERT_TRUE(Eventually([] { return Label("de-1") == "true"; }));
  EXPECT_TRUE(Eventually([] { return HasEvent("de-1", "IdentityApproved"); }));
  ASSERT_TRUE(Cluster()
                  .Kubectl({"patch", "tpmidentity", node.identity(), "--type=merge", "-p",
                            R"({"spec":{"decision":"Denied"}})"})
                  .ok());
  EXPECT_TRUE(Eventually([] { return Label("de-1") == "unknown"; }));
  EXPECT_EQ(TrustedReason("de-1"), "IdentityDenied");
  EXPECT_TRUE(
      Eventually([&] { return ProblemReason(node.RequestChallenge()) == "IdentityDenied"; }));
}

TEST(Identity, WhatOnlyAFirstUseAdmitsIsReleasedAfterItsNodeAndWhatAPersonApprovedIsNot) {
  SoftwareNode used("rl-1", "rl");
  SoftwareNode approved("rl-2", "rl");
  Connect(used);
  Connect(approved);
  ASSERT_TRUE(Cluster()
                  .Apply(MatchPolicy("rl", "rl", "FirstUse",
                                     "{admission: FirstUse, firstUse: {notAfter: "
                                     "\"2099-01-01T00:00:00Z\"}}"))
                  .ok());
  for (SoftwareNode* node : {&used, &approved}) {
    ASSERT_EQ(node->Enroll().status, 200);
    ASSERT_TRUE(Eventually([&] { return node->Attest().verdict == "Trusted"; }));
  }
  approved.Approve();
  ASSERT_TRUE(Eventually([&] { return AdmittedBy(approved.identity()).size() == 2; }));

  Deployment::Get().StopAll();
  {
    Replica quick("controller-quick", {"--enrollment-release-after=3s"});
    ASSERT_TRUE(
        Eventually([&] { return quick.Ready() && quick.Leads(); }, std::chrono::seconds(60)))
        << quick.Log();
    ASSERT_TRUE(Cluster().Kubectl({"delete", "node", "rl-1", "rl-2"}).ok());
    EXPECT_TRUE(Eventually(
        [&] { return ConditionOf(approved.identity(), "NodeGone") == "True/NoSuchNode"; }));
    EXPECT_TRUE(Eventually([&] { return GetObject("tpmidentity", used.identity()).is_null(); },
                           std::chrono::seconds(60)));
    EXPECT_FALSE(GetObject("tpmidentity", approved.identity()).is_null());
    quick.process().Stop();
  }
  Deployment::Get().StartAll();
}

}  // namespace
}  // namespace plimsoll::cluster
