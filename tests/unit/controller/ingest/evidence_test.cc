#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence_fixture.h"

namespace plimsoll::controller::ingest {
namespace {

using std::chrono::seconds;

TEST_F(EvidenceRoute, GoodEvidenceOfAnAdmittedTpmIsTrustedAndRecorded) {
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Trusted");
  EXPECT_EQ(verdict.reason, "AllPoliciesPassed");
  EXPECT_GE(verdict.next_attestation_in, seconds(270));
  EXPECT_LE(verdict.next_attestation_in, seconds(300));
  const auto status = world.StatusOf("worker-1");
  EXPECT_EQ(status.summary, "Trusted");
  EXPECT_EQ(status.node_uid, fakes::kWorkerUid);
  EXPECT_EQ(status.tpm_identity, agent.IdentityName());
  EXPECT_EQ(status.boot_id, agent.statement.boot_id);
  EXPECT_FALSE(status.inputs.empty());
  ASSERT_TRUE(status.clock);
  const TpmIdentity identity = world.IdentityNamed(agent.IdentityName());
  ASSERT_TRUE(identity.status.epoch);
  EXPECT_EQ(identity.status.epoch->reset_count, 7);
  EXPECT_EQ(identity.status.epoch->boot_id, agent.statement.boot_id);
  EXPECT_EQ(world.metrics.Of("verification/Trusted/AllPoliciesPassed"), 1);
  EXPECT_EQ(world.metrics.Of("size"), 1);
}

TEST_F(EvidenceRoute, AnotherPcrValueIsUntrustedAndKeptWithTheIdentity) {
  agent.tpm.Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0xAA));
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "PCRMismatch");
  EXPECT_EQ(verdict.message.find(std::string(64, '0')), std::string::npos)
      << "an answer holds no accepted value";
  const auto failure = world.IdentityNamed(agent.IdentityName()).status.unacknowledged_failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->reason, "PCRMismatch");
  EXPECT_EQ(world.metrics.Rejected("PCRMismatch"), 0) << "genuine evidence is not rejected";

  agent.tpm.SetPcr(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0));
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_FALSE(world.IdentityNamed(agent.IdentityName()).status.unacknowledged_failure);
}

TEST_F(EvidenceRoute, UntrustedSticksInTheAnswerToo) {
  agent.tpm.Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0xAA));
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Untrusted");
  // Genuine evidence that is Unknown: the TPM no longer offers the bank.
  const auto challenge = [&] {
    auto body = agent.ChallengeBody();
    body.banks = *tcg::PcrSelection::FromText("sha1:0,1,2");
    return *evidence::DecodeChallengeResponse(
        agent.Post("/v1/challenges", evidence::Encode(body)).body);
  }();
  const auto verdict = Verdict(agent.Send(challenge, agent.Quote(challenge)));
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "PCRMismatch");
  EXPECT_THAT(verdict.message, ::testing::HasSubstr("WrongBank"));
}

TEST_F(EvidenceRoute, M05_APendingTpmIsJudgedButNotTrusted) {
  TestAgent other(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  ASSERT_EQ(other.EnrollAndActivate().status, 200);
  const auto verdict = Verdict(other.Attest());
  EXPECT_EQ(verdict.verdict, "Unknown");
  EXPECT_EQ(verdict.reason, "IdentityPending");
  EXPECT_FALSE(world.StatusOf("worker-2").pcrs.empty()) << "its facts are recorded";
}

TEST_F(EvidenceRoute, F02_AReplayedBodyIsUnknownChallengeAndChangesNothing) {
  const auto challenge = agent.Challenge();
  const auto evidence = agent.Quote(challenge);
  EXPECT_EQ(Verdict(agent.Send(challenge, evidence)).verdict, "Trusted");
  const std::string version = VersionOf("worker-1");
  const auto again = agent.Send(challenge, evidence);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(ReasonIn(again), "UnknownChallenge");
  EXPECT_EQ(VersionOf("worker-1"), version);
  EXPECT_EQ(world.metrics.Rejected("UnknownChallenge"), 1);
}

TEST_F(EvidenceRoute, AnOldQuoteUnderANewChallengeIsNonceMismatch) {
  const auto first = agent.Challenge();
  const auto old = agent.Quote(first);
  EXPECT_EQ(Verdict(agent.Send(first, old)).verdict, "Trusted");
  const auto verdict = Verdict(agent.Send(agent.Challenge(), old));
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "NonceMismatch");
  EXPECT_EQ(world.metrics.Rejected("NonceMismatch"), 1);
  EXPECT_TRUE(world.HasEvent("worker-1", "EvidenceRejected"));
  EXPECT_EQ(world.logger.With("evidence rejected").size(), 1);
}

TEST_F(EvidenceRoute, E17_AQuoteOfAKeyThatIsNotActivatedIsRefused) {
  const auto challenge = agent.Challenge();
  TestAgent second_key(world);
  const auto verdict = Verdict(agent.Send(challenge, second_key.Quote(challenge)));
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "SignatureInvalid");
  EXPECT_EQ(ReasonIn(second_key.AskChallenge()), "UnknownAttestationKey");
}

TEST_F(EvidenceRoute, E25_M09_EvidenceCannotBeSentForAnotherNode) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const std::string version = VersionOf("worker-1");
  TestAgent thief(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  const auto challenge = agent.Challenge();
  auto forged = agent.Quote(challenge);
  forged.signature[20] ^= 1;
  // worker-2's token answers worker-1's challenge: by id, and with worker-1's name in the body.
  std::string body = evidence::EncodeEvidence(challenge.challenge, forged);
  body.insert(1, R"("node":{"name":"worker-1","uid":"11111111-1111-4111-8111-111111111111"},)");
  const auto refused = thief.Post("/v1/evidence", body);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(ReasonIn(refused), "UnknownChallenge");
  EXPECT_EQ(VersionOf("worker-1"), version);
  EXPECT_EQ(world.attestations.Get("worker-2"), nullptr);
  EXPECT_EQ(ReasonIn(thief.AskChallenge()), "NotEnrolled");
  EXPECT_EQ(Verdict(agent.Send(challenge, agent.Quote(challenge))).verdict, "Trusted")
      << "the challenge is still worker-1's";
}

TEST_F(EvidenceRoute, ABodyThatIsNoEvidenceGivesNoVerdict) {
  const std::string version = VersionOf("worker-1");
  for (const char* body : {"", "{", "[]", "null", R"({"challenge":7})", R"({"challenge":""})",
                           R"({"challenge":"a","challenge":"a"})", R"({"challenge":"../x"})",
                           R"({"quote":{}})", "\xff\xfe", R"({"challenge":"a"} x)"}) {
    const auto response = agent.Post("/v1/evidence", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(ReasonIn(response), "RequestMalformed") << body;
  }
  const std::string deep = R"({"challenge":"a","x":)" + std::string(100'000, '[') + "}";
  EXPECT_EQ(agent.Post("/v1/evidence", deep).status, 400);
  EXPECT_EQ(VersionOf("worker-1"), version);
  EXPECT_EQ(world.metrics.Rejected("RequestMalformed"), 12);
}

TEST_F(EvidenceRoute, WhatIsMalformedUnderAChallengeIsTheVerdict) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const auto challenge = agent.Challenge();
  const auto response =
      agent.Post("/v1/evidence", R"({"challenge":")" + challenge.challenge + R"(","quote":5})");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(ReasonIn(response), "EvidenceMalformed");
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Untrusted");
  EXPECT_EQ(world.ReasonOf("worker-1"), "EvidenceMalformed");
  EXPECT_EQ(world.metrics.Rejected("EvidenceMalformed"), 1);
  // A structure with a byte too many is the same.
  const auto next = agent.Challenge();
  auto evidence = agent.Quote(next);
  evidence.attest.push_back(0);
  EXPECT_EQ(agent.Send(next, evidence).status, 422);
  EXPECT_EQ(ReasonIn(agent.Send(next, evidence)), "UnknownChallenge") << "used up";
}

TEST_F(EvidenceRoute, L01_ALogThatTheQuotedStatementDoesNotNameIsRejectedThoughNoneWasAskedFor) {
  const auto challenge = agent.Challenge();
  EXPECT_FALSE(challenge.want_boot_event_log);
  EXPECT_FALSE(challenge.want_ima_from);
  auto evidence = agent.Quote(challenge);
  evidence.boot_event_log = Bytes{1, 2, 3};
  const auto verdict = Verdict(agent.Send(challenge, evidence));
  EXPECT_EQ(verdict.verdict, "Untrusted");
  EXPECT_EQ(verdict.reason, "EventLogMismatch");
}

TEST_F(EvidenceRoute, AChallengeAnsweredTooLateIsUnknown) {
  const auto challenge = agent.Challenge();
  world.clock.Advance(seconds(49));
  EXPECT_EQ(ReasonIn(agent.Send(challenge, agent.Quote(challenge))), "UnknownChallenge");
}

TEST_F(EvidenceRoute, AChallengeDiesWithItsKeyAndWithADenial) {
  auto challenge = agent.Challenge();
  const fakes::SoftwareTpm before = agent.tpm;
  agent.tpm = fakes::SoftwareTpm();
  agent.tpm.clock.clock = before.clock.clock + 1'000'000;
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  TestAgent old(world);
  old.tpm = before;
  EXPECT_EQ(ReasonIn(old.Send(challenge, old.Quote(challenge))), "UnknownChallenge");

  challenge = agent.Challenge();
  world.Decide(agent.IdentityName(), "Denied");
  const auto denied = agent.Send(challenge, agent.Quote(challenge));
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(ReasonIn(denied), "IdentityDenied");
  EXPECT_TRUE(denied.retry_after.has_value());
  const auto refused = agent.AskChallenge();
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(ReasonIn(refused), "IdentityDenied");
}

TEST_F(EvidenceRoute, AChallengeDiesWithItsKeyEvenWhileTheCacheIsBehind) {
  const auto challenge = agent.Challenge();
  TestAgent old(world);
  old.tpm = agent.tpm;
  world.identities.Freeze();
  agent.tpm = fakes::SoftwareTpm();
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(ReasonIn(old.Send(challenge, old.Quote(challenge))), "UnknownChallenge");
}

TEST_F(EvidenceRoute, AChallengeOfAnotherReplicasOldKeyDiesWhenItIsUsed) {
  const auto challenge = agent.Challenge();
  const auto evidence = agent.Quote(challenge);
  // Another replica activates another key: this one has not forgotten its challenge.
  world.server.Edit({kube::kTpmIdentity, agent.IdentityName()}, [](nlohmann::json& object) {
    object["status"]["attestationKey"]["name"] = "000c" + std::string(96, '1');
  });
  EXPECT_EQ(ReasonIn(agent.Send(challenge, evidence)), "UnknownChallenge");
}

TEST_F(EvidenceRoute, AKeyThatTheCacheDoesNotKnowYetIsReadFromTheServer) {
  world.AddNode("worker-3", "33333333-3333-4333-8333-333333333333");
  TestAgent fresh(world,
                  {.node_name = "worker-3", .node_uid = "33333333-3333-4333-8333-333333333333"});
  world.identities.Freeze();
  ASSERT_EQ(fresh.EnrollAndActivate().status, 200);
  EXPECT_EQ(Verdict(fresh.Attest()).reason, "IdentityPending");
}

TEST_F(EvidenceRoute, ANodeMadeAnewMustActivateAgain) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const std::string uid = "55555555-5555-4555-8555-555555555555";
  world.AddNode("worker-1", uid);
  EXPECT_EQ(ReasonIn(agent.AskChallenge()), "NodeMismatch");
  agent.token = world.MakeToken({.node_uid = uid});
  EXPECT_EQ(ReasonIn(agent.AskChallenge()), "NotEnrolled");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Unknown") << "nothing is taken over";
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_EQ(world.StatusOf("worker-1").node_uid, uid);
}

TEST_F(EvidenceRoute, AWriterWithOlderInputsDropsItsResult) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  world.server.Edit({kube::kNodeAttestation, "worker-1"}, [](nlohmann::json& object) {
    object["status"]["policies"][0]["observedGeneration"] = 99;
  });
  const std::string version = VersionOf("worker-1");
  agent.tpm.Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0xAA));
  const auto verdict = Verdict(agent.Attest());
  EXPECT_EQ(verdict.verdict, "Trusted") << "the recorded verdict is answered";
  EXPECT_EQ(VersionOf("worker-1"), version);
}

TEST_F(EvidenceRoute, EvidenceOfATpmThatDoesNotHoldTheNodeIsNotRecorded) {
  const auto challenge = agent.Challenge();
  world.server.Edit({kube::kNodeAttestation, "worker-1"}, [](nlohmann::json& object) {
    object["status"]["tpmIdentity"] = "ek-of-another-one";
  });
  const std::string version = VersionOf("worker-1");
  const auto response = agent.Send(challenge, agent.Quote(challenge));
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(ReasonIn(response), "NotEnrolled");
  EXPECT_EQ(VersionOf("worker-1"), version);
}

TEST_F(EvidenceRoute, AnApiServerThatDoesNotAnswerIs503AndNeverAVerdict) {
  const auto challenge = agent.Challenge();
  const auto evidence = agent.Quote(challenge);
  world.interceptor = [](const transport::HttpRequest&) {
    return std::optional<Result<transport::HttpResponse>>(
        Fail(ErrorCode::kUnavailable, "no connection", Retry::kBackoff));
  };
  const auto response = agent.Send(challenge, evidence);
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.retry_after.has_value());
  world.interceptor = nullptr;
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Unknown");
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
}

TEST_F(EvidenceRoute, AVerdictIsWrittenOverOtherWritersNotAroundThem) {
  // Every first status write meets another writer.
  std::atomic<int> collisions = 0;
  world.interceptor =
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
    if (request.method == "PUT" &&
        request.path_and_query.find("nodeattestations") != std::string::npos && collisions++ == 0) {
      world.server.Edit({kube::kNodeAttestation, "worker-1"}, [](nlohmann::json& object) {
        object["status"]["enforcement"]["label"] = "unknown";
      });
    }
    return std::nullopt;
  };
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Trusted");
  EXPECT_EQ(world.StatusOf("worker-1").enforced_label, "unknown") << "the other's write is kept";
  EXPECT_GE(collisions, 2);
}

TEST_F(EvidenceRoute, ReportsMakeTheNodeUnknownAndNeverUntrusted) {
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");
  const auto response =
      agent.Post("/v1/reports", R"({"reason":"TPMAbsent","detail":"no /dev/tpmrm0"})");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Unknown");
  EXPECT_EQ(world.ReasonOf("worker-1"), "TPMAbsent");
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Trusted");

  agent.tpm.Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0xAA));
  EXPECT_EQ(Verdict(agent.Attest()).verdict, "Untrusted");
  EXPECT_EQ(agent.Post("/v1/reports", R"({"reason":"TPMError","detail":""})").status, 204);
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Untrusted") << "a report washes nothing clean";
}

TEST_F(EvidenceRoute, ReportsOfAnythingElseAreRefused) {
  const std::string version = VersionOf("worker-1");
  for (const char* body :
       {R"({"reason":"AllPoliciesPassed","detail":""})", R"({"reason":"EvidenceMalformed"})",
        R"({"reason":"TPMAbsent","detail":"a\nb"})", R"({"reason":7})", "{}", "x"}) {
    const auto response = agent.Post("/v1/reports", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(ReasonIn(response), "RequestMalformed") << body;
  }
  EXPECT_EQ(VersionOf("worker-1"), version);
}

}  // namespace
}  // namespace plimsoll::controller::ingest
