#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"

namespace plimsoll::cluster {
namespace {

using testing::HasSubstr;

void Connect(SoftwareNode& node, size_t replica = 0) {
  node.Connect(Deployment::Get().replica(replica).address(), Deployment::Get().ca_pem());
}

TEST(NodeLife, FromDiscoveryOverApprovalToTrustAndBack) {
  Deployment::Get();
  SoftwareNode node("life-1", "life");
  Connect(node);
  ASSERT_TRUE(Eventually([] { return TrustedReason("life-1") == "NoEnforcingPolicy"; }))
      << TrustedReason("life-1") << ": every Node has its NodeAttestation";

  const auto activated = node.Enroll();
  ASSERT_EQ(activated.status, 200) << activated.body;
  EXPECT_THAT(activated.body, HasSubstr("\"Pending\""));
  EXPECT_EQ(GetObject("tpmidentity", node.identity())["spec"]["decision"], "Pending");

  // Facts are recorded with no approval and no policy at all.
  EXPECT_EQ(node.Attest().verdict, "Unknown");
  ASSERT_TRUE(
      Eventually([] { return !GetObject("nodeattestation", "life-1")["status"]["pcrs"].empty(); }));
  EXPECT_EQ(TrustedReason("life-1"), "NoEnforcingPolicy");

  ASSERT_TRUE(Cluster().Apply(PolicyYaml("life", "life", node.Pcrs())).ok());
  EXPECT_TRUE(Eventually([] { return TrustedReason("life-1") == "IdentityPending"; }))
      << "judged again from stored facts";
  EXPECT_EQ(Label("life-1"), "unknown");

  node.Approve();
  EXPECT_TRUE(Eventually([] { return Label("life-1") == "true"; })) << TrustedReason("life-1");
  EXPECT_TRUE(Eventually([] { return NodeCondition("life-1") == "True"; }));
  EXPECT_EQ(TaintValue("life-1"), "");
  EXPECT_EQ(node.Attest().verdict, "Trusted");
  EXPECT_TRUE(Eventually([] { return HasEvent("life-1", "NodeTrusted"); }));
  EXPECT_THAT(Cluster().Kubectl({"get", "natt", "life-1"}).out, HasSubstr("AllPoliciesPassed"));
  EXPECT_TRUE(
      Cluster().Kubectl({"wait", "--for=condition=Trusted", "natt/life-1", "--timeout=5s"}).ok());

  node.tpm().Extend(tcg::AlgorithmId::kSha256, 4, Bytes(32, 0xee));
  const auto verdict = node.Attest();
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "PCRMismatch");
  EXPECT_THAT(verdict.message, testing::Not(HasSubstr(node.Pcrs()[4])))
      << "no expected or measured value for an agent";
  EXPECT_TRUE(Eventually([] { return Label("life-1") == "false"; }));
  EXPECT_TRUE(Eventually([] { return TaintValue("life-1") == "PCRMismatch:NoSchedule"; }));
  EXPECT_TRUE(Eventually([] { return NodeCondition("life-1") == "False"; }));
  EXPECT_TRUE(Eventually(
      [] { return HasEvent("life-1", "NodeUntrusted") && HasEvent("life-1", "TaintApplied"); }));
  EXPECT_TRUE(Eventually([] {
    return Deployment::Get().Leader()->Metrics().find(
               "plimsoll_node_verdict{node=\"life-1\",verdict=\"untrusted\"} 1") !=
           std::string::npos;
  }));
  EXPECT_EQ(GetObject("nodeattestation", "life-1")["status"]["failedPolicies"], "life");
}

TEST(NodeLife, E44_APolicyThatIsDeletedLeavesNobodyTrusted) {
  SoftwareNode node("life-2", "deleted");
  Connect(node, 1);
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("deleted", "deleted", node.Pcrs())).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  ASSERT_TRUE(Eventually([] { return Label("life-2") == "true"; }));
  ASSERT_TRUE(Cluster().Kubectl({"delete", "apol", "deleted"}).ok());
  EXPECT_TRUE(
      Eventually([] { return Label("life-2") == "unknown" && TaintValue("life-2").empty(); }));
  EXPECT_TRUE(Eventually([] { return TrustedReason("life-2") == "NoEnforcingPolicy"; }));
}

TEST(NodeLife, E44_APolicyThatNamesNobodyItCanResolveIsNotReadyAndItsNodesAreUnknown) {
  SoftwareNode node("life-3", "unresolved");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Cluster()
                  .Apply(PolicyYaml("unresolved", "unresolved", node.Pcrs(),
                                    "  identity: {admission: EndorsementCertificate, "
                                    "endorsementAuthorityRefs: [nobody]}\n"))
                  .ok());
  EXPECT_TRUE(Eventually([&] { return node.Attest().reason == "PolicyNotReady"; }));
  EXPECT_EQ(Label("life-3"), "unknown");
  EXPECT_TRUE(Eventually([] {
    return Cluster()
               .Kubectl({"get", "apol", "unresolved", "-o",
                         "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}"})
               .out == "False";
  }));
}

TEST(NodeLife, P5_OfTwoPoliciesTheStricterDecidesAndAnAuditPolicyDecidesNothing) {
  SoftwareNode node("life-4", "two");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  std::vector<std::string> wrong = node.Pcrs();
  wrong[7] = std::string(64, 'a');
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("two-audit", "two", wrong, "", "Audit")).ok());
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("two-good", "two", node.Pcrs())).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  EXPECT_EQ(Cluster()
                .Kubectl({"get", "natt", "life-4", "-o",
                          "jsonpath={.status.conditions[?(@.type==\"AuditPassed\")].status}"})
                .out,
            "False");
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("two-strict", "two", wrong)).ok());
  EXPECT_TRUE(Eventually([] { return Label("life-4") == "false"; }))
      << "at once, from stored facts";
  ASSERT_TRUE(Cluster().Kubectl({"delete", "apol", "two-strict"}).ok());
  EXPECT_TRUE(Eventually([] { return Label("life-4") == "true"; }))
      << "the facts pass what is left";
}

TEST(NodeLife, ARevokedIdentityLosesTheLabelAtOnceAndIsNotChallengedAgain) {
  SoftwareNode node("life-5", "revoked");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("revoked", "revoked", node.Pcrs())).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  ASSERT_TRUE(Eventually([] { return Label("life-5") == "true"; }));
  ASSERT_TRUE(Cluster()
                  .Kubectl({"patch", "tpmidentity", node.identity(), "--type=merge", "-p",
                            R"({"spec":{"decision":"Revoked"}})"})
                  .ok());
  EXPECT_TRUE(Eventually([] { return Label("life-5") == "unknown"; }));
  EXPECT_TRUE(
      Eventually([&] { return ProblemReason(node.RequestChallenge()) == "IdentityDenied"; }));
}

TEST(NodeLife, E47_MarksThatSomeoneElseChangesAreRefusedOrPutBack) {
  SoftwareNode node("life-6", "marks");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  std::vector<std::string> wrong = node.Pcrs();
  wrong[0] = std::string(64, 'b');
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("marks", "marks", wrong)).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Untrusted"; }));
  ASSERT_TRUE(
      Eventually([] { return Label("life-6") == "false" && !TaintValue("life-6").empty(); }));

  const std::string steal = std::string(kTrustLabel) + "=true";
  EXPECT_FALSE(Cluster()
                   .KubectlAs(Cluster().NodeKubeconfig("life-6"),
                              {"label", "node", "life-6", steal, "--overwrite"})
                   .ok());
  EXPECT_FALSE(Cluster().Kubectl({"label", "node", "life-6", steal, "--overwrite"}).ok())
      << "the admission policy holds for administrators";
  EXPECT_FALSE(Cluster().Kubectl({"taint", "node", "life-6", "plimsoll.dev/untrusted-"}).ok());

  // With the admission policy taken away, which is an administrator's right, the controller puts
  // the marks back.
  const auto binding = Cluster().Kubectl(
      {"get", "validatingadmissionpolicybinding", "plimsoll-protect-node-marks", "-o", "yaml"});
  ASSERT_TRUE(binding.ok()) << binding;
  ASSERT_TRUE(
      Cluster()
          .Kubectl({"delete", "validatingadmissionpolicybinding", "plimsoll-protect-node-marks"})
          .ok());
  EXPECT_TRUE(Eventually([&] {
    return Cluster().Kubectl({"label", "node", "life-6", steal, "--overwrite"}).ok();
  }));
  EXPECT_TRUE(Eventually([] { return Label("life-6") == "false"; }));
  EXPECT_TRUE(Cluster().Kubectl({"taint", "node", "life-6", "plimsoll.dev/untrusted-"}).ok());
  EXPECT_TRUE(Eventually([] { return !TaintValue("life-6").empty(); }));
  EXPECT_TRUE(Eventually([] { return HasEvent("life-6", "MarksRestored"); }));
  Cluster().InstallChart(
      "controller:\n  defaultIntervalSeconds: 10\ncommonLabels: {restored: yes-please}\n");
}

TEST(NodeLife, E49_ANodeThatIsMadeAnewUnderTheSameNameStartsFromNothing) {
  SoftwareNode node("life-7", "anew");
  Connect(node);
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("anew", "anew", node.Pcrs())).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  ASSERT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }));
  ASSERT_TRUE(Eventually([] { return Label("life-7") == "true"; }));

  ASSERT_TRUE(Cluster().Kubectl({"delete", "node", "life-7"}).ok());
  const std::string uid = Cluster().CreateNode("life-7", "{plimsoll-test: anew}");
  ASSERT_NE(uid, node.uid());
  EXPECT_TRUE(Eventually(
      [] { return TrustedReason("life-7") == "NotEnrolled" && Label("life-7") == "unknown"; }));
  EXPECT_EQ(ProblemReason(node.RequestChallenge()), "NodeMismatch") << "the old Node's token";
  node.set_token(Cluster().CreateServiceAccountToken(kNamespace, "plimsoll-agent",
                                                     "agent-life-7-again", "life-7"));
  EXPECT_EQ(ProblemReason(node.RequestChallenge()), "NotEnrolled")
      << "what was activated for another Node UID does not count";
  ASSERT_EQ(node.Enroll().status, 200);
  EXPECT_TRUE(Eventually([&] { return node.Attest().verdict == "Trusted"; }))
      << "the approval of the TPM outlives the Node";
}

}  // namespace
}  // namespace plimsoll::cluster
