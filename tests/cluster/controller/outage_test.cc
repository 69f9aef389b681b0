#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"

namespace plimsoll::cluster {
namespace {

using std::chrono::seconds;

std::unique_ptr<SoftwareNode> NodeUnder(const std::string& name,
                                        const std::vector<std::string>* pcrs = nullptr) {
  auto node = std::make_unique<SoftwareNode>(name, name);
  node->Connect(Deployment::Get().Leader()->address(), Deployment::Get().ca_pem());
  EXPECT_EQ(node->Enroll().status, 200);
  EXPECT_TRUE(Cluster().Apply(PolicyYaml(name, name, pcrs != nullptr ? *pcrs : node->Pcrs())).ok());
  EXPECT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node->identity()).is_null(); }));
  node->Approve();
  const char* expected = pcrs != nullptr ? "Untrusted" : "Trusted";
  EXPECT_TRUE(Eventually([&] { return node->Attest().verdict == expected; }));
  EXPECT_TRUE(Eventually([&] { return Label(name) == (pcrs != nullptr ? "false" : "true"); }));
  return node;
}

TEST(Outage, AttestationGoesOnWhenTheLeaderIsKilled) {
  Deployment& deployment = Deployment::Get();
  const auto node = NodeUnder("outage-1");
  Replica* leader = deployment.Leader();
  ASSERT_NE(leader, nullptr);
  leader->process().Kill();
  Replica* next = deployment.Leader();
  ASSERT_NE(next, nullptr) << "no replica has taken over";
  ASSERT_NE(next, leader);
  node->Connect(next->address(), deployment.ca_pem());
  EXPECT_EQ(node->Attest().verdict, "Trusted");
  node->tpm().Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0x66));
  EXPECT_EQ(node->Attest().verdict, "Untrusted");
  EXPECT_TRUE(
      Eventually([] { return Label("outage-1") == "false" && !TaintValue("outage-1").empty(); }));
  deployment.Replace(leader);
}

TEST(Outage, E55_AFailedNodeIsStillFailedAfterEveryControllerWasStartedAnew) {
  Deployment& deployment = Deployment::Get();
  const std::vector<std::string> wrong(8, std::string(64, 'c'));
  const auto node = NodeUnder("outage-2", &wrong);
  deployment.StopAll();
  deployment.StartAll();
  ASSERT_NE(deployment.Leader(), nullptr);
  EXPECT_FALSE(Eventually(
      [] { return Label("outage-2") != "false" || TaintValue("outage-2").empty(); }, seconds(5)));
  EXPECT_EQ(Summary("outage-2"), "Untrusted");
}

TEST(Outage, ChallengesOfAReplicaThatIsGoneAreUnknownAndTheVerdictStays) {
  Deployment& deployment = Deployment::Get();
  const auto node = NodeUnder("outage-3");
  const auto challenge = node->Challenge();
  const auto evidence = node->Answer(challenge);
  node->Connect(deployment.replica(0).address() == deployment.Leader()->address()
                    ? deployment.replica(1).address()
                    : deployment.replica(0).address(),
                deployment.ca_pem());
  const auto response = node->SendEvidence(challenge, evidence);
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(ProblemReason(response), "UnknownChallenge");
  EXPECT_EQ(Label("outage-3"), "true");
  EXPECT_EQ(node->Attest().verdict, "Trusted") << "the other replica asks anew";
}

TEST(Outage, ARestartedApiServerChangesNoVerdictAndAttestationGoesOn) {
  Deployment& deployment = Deployment::Get();
  const auto node = NodeUnder("outage-4");
  Cluster().RestartApiServer();
  EXPECT_EQ(Label("outage-4"), "true");
  ASSERT_NE(deployment.Leader(), nullptr);
  node->Connect(deployment.Leader()->address(), deployment.ca_pem());
  EXPECT_TRUE(Eventually(
      [&] {
        const auto response = node->RequestChallenge();
        const auto challenge = evidence::DecodeChallengeResponse(response.body);
        if (!challenge) {
          return false;
        }
        const auto verdict = evidence::DecodeEvidenceResponse(
            node->SendEvidence(*challenge, node->Answer(*challenge)).body);
        return verdict && verdict->verdict == "Trusted";
      },
      seconds(60)));
  node->tpm().Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0x66));
  EXPECT_EQ(node->Attest().verdict, "Untrusted");
  EXPECT_TRUE(Eventually([] { return Label("outage-4") == "false"; }, seconds(60)));
}

TEST(Outage, WhenTheApiServerIsDownEvidenceIsAnsweredWithTryAgainAndNoVerdict) {
  Deployment& deployment = Deployment::Get();
  const auto node = NodeUnder("outage-5");
  const auto challenge = node->Challenge();
  node->tpm().Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0x66));
  const auto evidence = node->Answer(challenge);
  Cluster().StopApiServer();
  const auto response = node->SendEvidence(challenge, evidence);
  Cluster().StartApiServer();
  EXPECT_EQ(response.status, 503) << response.body;
  ASSERT_NE(deployment.Leader(), nullptr);
  EXPECT_EQ(Label("outage-5"), "true");
}

TEST(Outage, AFencedLeaderThatWasPausedWritesNothingWhenItWakes) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  Replica* leader = deployment.Leader();
  ASSERT_NE(leader, nullptr);
  leader->process().Pause();
  Replica* next = nullptr;
  ASSERT_TRUE(Eventually(
      [&] {
        for (size_t i = 0; i < 2; ++i) {
          if (&deployment.replica(i) != leader && deployment.replica(i).Leads()) {
            next = &deployment.replica(i);
          }
        }
        return next != nullptr;
      },
      seconds(40)));
  leader->process().Resume();
  EXPECT_TRUE(Eventually([&] { return !leader->process().running(); }, seconds(30)))
      << "it ends, to begin again as a follower";
  EXPECT_EQ(leader->process().Stop(), 4) << "leadership lost";
  deployment.Replace(leader);
}

// Last: it waits for the minute in which silence taints nobody after a leader has begun.
TEST(Outage, E53_ASilentNodeBecomesUnknownAndIsTainted) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  const auto node = NodeUnder("outage-6");
  ASSERT_NE(deployment.Leader(), nullptr);
  EXPECT_TRUE(Eventually(
      [] {
        return Label("outage-6") == "unknown" && TrustedReason("outage-6") == "EvidenceExpired";
      },
      seconds(60)));
  EXPECT_TRUE(Eventually([] { return TaintValue("outage-6") == "EvidenceExpired:NoSchedule"; },
                         seconds(120)));
  EXPECT_TRUE(Eventually([] { return NodeCondition("outage-6") == "Unknown"; }));
  EXPECT_TRUE(Eventually([] { return HasEvent("outage-6", "EvidenceExpired"); }));
  node->Connect(deployment.Leader()->address(), deployment.ca_pem());
  EXPECT_EQ(node->Attest().verdict, "Trusted");
  EXPECT_TRUE(
      Eventually([] { return Label("outage-6") == "true" && TaintValue("outage-6").empty(); }));
}

}  // namespace
}  // namespace plimsoll::cluster
