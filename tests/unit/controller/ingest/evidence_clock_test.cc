#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence_fixture.h"

namespace plimsoll::controller::ingest {
namespace {

using std::chrono::seconds;

TEST_F(EvidenceRoute, AQuoteThatIsNotLaterIsStaleTwiceAndThenAReplay) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const std::string version = VersionOf("worker-1");
  agent.tpm.clock.clock -= 12'000;
  for (int i = 0; i < 2; ++i) {
    const auto stale = agent.Attest();
    EXPECT_EQ(stale.status, 409);
    EXPECT_EQ(ReasonIn(stale), "StaleEvidence");
    EXPECT_EQ(VersionOf("worker-1"), version) << "the verdict stays";
    agent.tpm.clock.clock -= 12'000;
  }
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "ReplayedQuote");
  EXPECT_EQ(world.metrics.Rejected("StaleEvidence"), 2);
}

TEST_F(EvidenceRoute, CountersThatRunBackwardsTakeTheActivationBack) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  agent.tpm.clock = {.clock = 10, .reset_count = 0, .restart_count = 0, .safe = true};
  agent.statement.boot_id = "aaaaaaaa-6c1b-4a7e-8f0d-2b9e5c4d7a10";
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Unknown");
  EXPECT_EQ(verdict.reason, "NotEnrolled");
  EXPECT_LE(verdict.next_attestation_in, seconds(5));
  const TpmIdentity identity = world.IdentityNamed(agent.IdentityName());
  EXPECT_FALSE(identity.status.attestation_key);
  EXPECT_FALSE(identity.status.epoch);
  EXPECT_FALSE(identity.status.admissions.empty()) << "no policy asks a person for this";
  EXPECT_TRUE(world.HasEvent("worker-1", "TPMReset"));
  EXPECT_EQ(ReasonIn(agent.AskChallenge()), "NotEnrolled");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
}

TEST_F(EvidenceRoute, E04_TwoMachinesWithOneTpmStateLoseActivationAndAdmission) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  TestAgent clone(world);
  clone.tpm = agent.tpm;
  clone.ek = agent.ek;
  clone.statement.boot_id = "bbbbbbbb-6c1b-4a7e-8f0d-2b9e5c4d7a10";
  EXPECT_EQ(Verdict(clone.Attest()).verdict, "Trusted") << "one more boot, for all that is known";
  agent.tpm.clock.clock += 100'000;
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Unknown");
  EXPECT_EQ(verdict.reason, "NotEnrolled");
  const TpmIdentity identity = world.IdentityNamed(agent.IdentityName());
  EXPECT_TRUE(identity.status.admissions.empty());
  const Condition* conflict_free = Find(identity.status.conditions, "ConflictFree");
  ASSERT_NE(conflict_free, nullptr);
  EXPECT_EQ(conflict_free->status, ConditionStatus::kFalse);
  EXPECT_EQ(conflict_free->reason, "SharedTPM");
  EXPECT_TRUE(world.HasEvent("worker-1", "SharedTPM"));
  // Its certificate alone does not admit it again.
  const auto activated = evidence::DecodeActivationResponse(agent.EnrollAndActivate().body);
  ASSERT_TRUE(activated);
  EXPECT_EQ(activated->decision, evidence::IdentityDecision::kPending);
}

TEST_F(EvidenceRoute, AResetUnderTheSameBootIdIsReportedOrRejectedAsThePolicySays) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  agent.tpm.clock.reset_count += 1;
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted") << "only reported";
  EXPECT_TRUE(world.HasEvent("worker-1", "UnexplainedReset"));

  world.server.Edit({kube::kAttestationPolicy, "measured"}, [](nlohmann::json& object) {
    object["spec"]["tpm"] = {{"unexplainedReset", "Reject"}};
  });
  agent.tpm.clock.reset_count += 1;
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "UnexplainedReset");
  EXPECT_EQ(Verdict(agent.Attest()).reason, "UnexplainedReset") << "it does not wear off";
  IngestContext restarted(world.context.d);
  world.router = *http::Router::Create(Routes(restarted));
  EXPECT_EQ(Verdict(agent.Attest()).reason, "UnexplainedReset") << "nor with a restart";

  world.Decide(agent.IdentityName(), "Approved");
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted") << "a person has approved again";
}

TEST_F(EvidenceRoute, ARestartedControllerKnowsTheEpochFromTheObjects) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  IngestContext restarted(world.context.d);
  auto routes = *http::Router::Create(Routes(restarted));
  world.router = std::move(routes);
  agent.tpm.clock.reset_count -= 1;
  agent.statement.boot_id = "aaaaaaaa-6c1b-4a7e-8f0d-2b9e5c4d7a10";
  EXPECT_EQ(Verdict(agent.Attest()).reason, "NotEnrolled");
  EXPECT_TRUE(world.HasEvent("worker-1", "TPMReset"));
}

TEST_F(EvidenceRoute, AReplicaThatMissedABootTakesTheOthersWordForIt) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  // The next boot is seen by another replica, and its clock begins anew.
  world.server.Edit({kube::kTpmIdentity, agent.IdentityName()}, [](nlohmann::json& object) {
    object["status"]["epoch"]["resetCount"] = 8;
    object["status"]["epoch"]["bootID"] = "cccccccc-6c1b-4a7e-8f0d-2b9e5c4d7a10";
  });
  agent.tpm.clock = {.clock = 5, .reset_count = 8, .restart_count = 0, .safe = true};
  const std::string first_boot = agent.statement.boot_id;
  agent.statement.boot_id = "cccccccc-6c1b-4a7e-8f0d-2b9e5c4d7a10";
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  // The first boot again: two machines.
  agent.statement.boot_id = first_boot;
  EXPECT_EQ(Verdict(agent.Attest()).reason, "NotEnrolled");
  EXPECT_TRUE(world.HasEvent("worker-1", "SharedTPM"));
}

TEST_F(EvidenceRoute, AResetThatAnotherReplicaSawIsNoSecondMachine) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  world.server.Edit({kube::kTpmIdentity, agent.IdentityName()},
                    [](nlohmann::json& object) { object["status"]["epoch"]["resetCount"] = 8; });
  agent.tpm.clock.reset_count = 9;
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_TRUE(world.HasEvent("worker-1", "UnexplainedReset"));
}

TEST_F(EvidenceRoute, ACacheThatIsBehindIsNotTakenForAnotherMachine) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  world.identities.Freeze();
  agent.tpm.clock.reset_count += 1;
  agent.statement.boot_id = "cccccccc-6c1b-4a7e-8f0d-2b9e5c4d7a10";
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
}

TEST_F(EvidenceRoute, AQuoteWhoseBootCannotBeRecordedGivesNoVerdict) {
  const auto challenge = agent.Challenge();
  const auto evidence = agent.Quote(challenge);
  world.interceptor =
      [](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
    if (request.method == "PUT" &&
        request.path_and_query.find("tpmidentities") != std::string::npos) {
      return Fail(ErrorCode::kUnavailable, "no connection", Retry::kBackoff);
    }
    return std::nullopt;
  };
  EXPECT_EQ(agent.Send(challenge, evidence).status, 503);
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Unknown");
}

}  // namespace
}  // namespace plimsoll::controller::ingest
