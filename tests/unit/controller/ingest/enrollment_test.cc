#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest_world.h"

namespace plimsoll::controller::ingest {
namespace {

using fakes::KeyTemplate;
using std::chrono::seconds;

class Enrollment : public ::testing::Test {
 protected:
  // The certificate of the agent's EK by the CA that policy "measured" trusts.
  void Certify(TestAgent& agent) {
    agent.certificate =
        ca.Issue(fakes::CertificateFields::Endorsement(agent.ek.key_template().type), agent.ek);
  }
  void TrustCa() {
    world.AddAuthority("vendor", ca);
    world.AddCertificatePolicy("measured", "vendor");
  }

  IngestWorld world;
  fakes::SoftwareCa ca{fakes::CertificateFields::Ca("TPM maker")};
};

TEST_F(Enrollment, TellsTheAgentTheClusterAndTheKeyProfiles) {
  const auto response = world.Call(http::Method::kGet, "/v1/cluster", world.MakeToken({}));
  EXPECT_EQ(response.status, 200);
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body["clusterUID"], "c1u57e2a-0000");
  EXPECT_EQ(body["keyProfiles"], (nlohmann::json{"p384", "p256", "rsa2048"}));
}

TEST_F(Enrollment, C13_ACorrectAnswerBindsEveryKindOfKeyAndIsPending) {
  const std::pair<KeyTemplate, KeyTemplate> kinds[] = {
      {KeyTemplate::EkP384(), KeyTemplate::AkP384()},
      {KeyTemplate::EkP256(), KeyTemplate::AkP256()},
      {KeyTemplate::EkRsa2048(), KeyTemplate::AkRsa()},
  };
  int i = 10;
  for (const auto& [ek, ak] : kinds) {
    const std::string node = "worker-" + std::to_string(i);
    const std::string uid = fmt::format("{:08d}-0000-4000-8000-000000000000", i++);
    world.AddNode(node, uid);
    TestAgent agent(world, {.node_name = node, .node_uid = uid}, ek, ak);
    const auto response = agent.EnrollAndActivate();
    ASSERT_EQ(response.status, 200) << response.body;
    const auto activated = evidence::DecodeActivationResponse(response.body);
    ASSERT_TRUE(activated) << response.body;
    EXPECT_EQ(activated->identity, agent.IdentityName());
    EXPECT_EQ(activated->attestation_key_name, agent.tpm.ak().Name());
    EXPECT_EQ(activated->decision, evidence::IdentityDecision::kPending);
    const TpmIdentity identity = world.IdentityNamed(agent.IdentityName());
    EXPECT_EQ(identity.node_name, node);
    EXPECT_EQ(identity.status.node_uid, uid);
    ASSERT_TRUE(identity.status.attestation_key);
    EXPECT_EQ(identity.status.attestation_key->public_area, agent.tpm.ak().MarshalPublic());
    EXPECT_EQ(identity.status.tpm.vendor, "SLB9672");
    EXPECT_TRUE(identity.status.admissions.empty());
  }
}

TEST_F(Enrollment, M01_NothingIsWrittenBeforeACorrectAnswer) {
  TestAgent agent(world);
  ASSERT_EQ(agent.Enroll().status, 201);
  const auto enrolled = agent.Enroll();
  const auto enrollment = evidence::DecodeEnrollmentResponse(enrolled.body);
  ASSERT_TRUE(enrollment);
  EXPECT_EQ(ReasonIn(agent.Activate(enrollment->enrollment, Bytes(32, 1))), "ActivationFailed");
  EXPECT_TRUE(world.server.All(kube::kTpmIdentity).empty());
  EXPECT_TRUE(world.server.All(kube::kNodeAttestation).empty());
}

TEST_F(Enrollment, E16_ACertificateOfAnotherKeyIsRefusedBeforeACredentialIsMade) {
  TestAgent agent(world);
  const fakes::SoftwareKey other(KeyTemplate::EkP384());
  agent.certificate =
      ca.Issue(fakes::CertificateFields::Endorsement(tcg::AlgorithmId::kEcc), other);
  const auto response = agent.Enroll();
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(ReasonIn(response), "EndorsementKeyRejected");
  EXPECT_EQ(world.context.enrollments.size(), 0);
  EXPECT_EQ(world.metrics.Rejected("EndorsementKeyRejected"), 1);
}

TEST_F(Enrollment, E16_AnAlteredEndorsementKeyIsRefused) {
  const KeyTemplate good = KeyTemplate::EkRsa2048();
  KeyTemplate other_hash = good;
  other_hash.name_algorithm = tcg::AlgorithmId::kSha384;
  KeyTemplate other_policy = good;
  other_policy.auth_policy[0] ^= 1;
  KeyTemplate other_cipher = good;
  other_cipher.symmetric.key_bits = 256;
  KeyTemplate user_auth = good;
  user_auth.attributes |= 1U << 6U;
  KeyTemplate signs = good;
  signs.attributes |= 1U << 18U;
  const fakes::SoftwareKey key(good);
  for (const KeyTemplate& altered : {other_hash, other_policy, other_cipher, user_auth, signs}) {
    TestAgent agent(world);
    agent.ek = key.With(altered);
    world.clock.Advance(seconds(30));
    const auto response = agent.Enroll();
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(ReasonIn(response), "EndorsementKeyRejected");
  }
  EXPECT_EQ(world.context.enrollments.size(), 0);
}

TEST_F(Enrollment, AttestationKeysThatSignMoreThanATpmMakesAreRefused) {
  std::vector<KeyTemplate> bad;
  for (const unsigned bit : {1U, 4U, 5U, 16U, 18U}) {
    KeyTemplate altered;
    altered.attributes &= ~(1U << bit);
    bad.push_back(altered);
  }
  KeyTemplate decrypts;
  decrypts.attributes |= 1U << 17U;
  bad.push_back(decrypts);
  bad.push_back(KeyTemplate::AkP521());  // sound, but of no profile
  for (const KeyTemplate& altered : bad) {
    TestAgent agent(world, {}, KeyTemplate::EkP384(), altered);
    world.clock.Advance(seconds(30));
    const auto response = agent.Enroll();
    EXPECT_EQ(response.status, 422) << altered.attributes;
    EXPECT_EQ(ReasonIn(response), "AttestationKeyRejected");
  }
}

TEST_F(Enrollment, StructuresThatAreNoneAreRefusedByTheirKind) {
  TestAgent agent(world);
  auto body = agent.EnrollmentBody();
  body.attestation_public.push_back(0);
  EXPECT_EQ(ReasonIn(agent.Post("/v1/enrollments", evidence::Encode(body))),
            "AttestationKeyRejected");
  body = agent.EnrollmentBody();
  body.endorsement_public.pop_back();
  world.clock.Advance(seconds(30));
  EXPECT_EQ(ReasonIn(agent.Post("/v1/enrollments", evidence::Encode(body))),
            "EndorsementKeyRejected");
  body = agent.EnrollmentBody();
  body.endorsement_certificate = Bytes{0x30, 0x01, 0x00};
  world.clock.Advance(seconds(30));
  EXPECT_EQ(ReasonIn(agent.Post("/v1/enrollments", evidence::Encode(body))),
            "EndorsementKeyRejected");
}

TEST_F(Enrollment, E20_C13_ACertificateOfAnUnknownMakerLeavesTheIdentityPending) {
  TrustCa();
  const fakes::SoftwareCa unknown{fakes::CertificateFields::Ca("swtpm")};
  TestAgent agent(world);
  agent.certificate =
      unknown.Issue(fakes::CertificateFields::Endorsement(tcg::AlgorithmId::kEcc), agent.ek);
  const auto activated = evidence::DecodeActivationResponse(agent.EnrollAndActivate().body);
  ASSERT_TRUE(activated);
  EXPECT_EQ(activated->decision, evidence::IdentityDecision::kPending);
  const TpmIdentity identity = world.IdentityNamed(agent.IdentityName());
  EXPECT_TRUE(identity.status.admissions.empty());
  const Condition* verified = Find(identity.status.conditions, "EndorsementVerified");
  ASSERT_NE(verified, nullptr);
  EXPECT_EQ(verified->status, ConditionStatus::kFalse);
  EXPECT_EQ(verified->reason, "ChainRejected");
}

TEST_F(Enrollment, ACertificateThatAPolicyAcceptsAdmitsAtOnce) {
  TrustCa();
  TestAgent agent(world);
  Certify(agent);
  const auto activated = evidence::DecodeActivationResponse(agent.EnrollAndActivate().body);
  ASSERT_TRUE(activated);
  EXPECT_EQ(activated->decision, evidence::IdentityDecision::kAdmitted);
  const TpmIdentity identity = world.IdentityNamed(agent.IdentityName());
  EXPECT_THAT(identity.status.admissions,
              ::testing::ElementsAre(
                  Admission{.by = Admission::By::kEndorsementCertificate, .ref = "vendor"}));
  EXPECT_EQ(identity.status.endorsement.authority, "vendor");
  EXPECT_EQ(identity.status.endorsement.manufacturer, "IFX");
  EXPECT_EQ(world.StatusOf("worker-1").tpm_identity, agent.IdentityName());
  EXPECT_TRUE(world.HasEvent("worker-1", "IdentityDiscovered"));
  EXPECT_TRUE(world.HasEvent("worker-1", "KeyActivated"));
}

TEST_F(Enrollment, M10_AnAdmittedTpmIsNotTrustedBeforeItsFirstQuote) {
  TrustCa();
  TestAgent agent(world);
  Certify(agent);
  const auto activated = evidence::DecodeActivationResponse(agent.EnrollAndActivate().body);
  ASSERT_TRUE(activated);
  ASSERT_EQ(activated->decision, evidence::IdentityDecision::kAdmitted);
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Unknown");
  EXPECT_FALSE(world.StatusOf("worker-1").last_verified_time);
  EXPECT_FALSE(world.StatusOf("worker-1").last_trusted_time);
}

TEST_F(Enrollment, E21_M01_AfterAWrongAnswerTheRightOneIsUnknown) {
  TestAgent agent(world);
  const auto enrollment = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  ASSERT_TRUE(enrollment);
  const auto wrong = agent.Activate(enrollment->enrollment, Bytes(32, 9));
  EXPECT_EQ(wrong.status, 403);
  EXPECT_EQ(ReasonIn(wrong), "ActivationFailed");
  const auto late = agent.Activate(enrollment->enrollment, agent.Solve(*enrollment));
  EXPECT_EQ(late.status, 404);
  EXPECT_EQ(ReasonIn(late), "UnknownEnrollment");
  EXPECT_EQ(world.metrics.Rejected("ActivationFailed"), 1);
  EXPECT_EQ(world.metrics.Rejected("UnknownEnrollment"), 1);
  EXPECT_TRUE(world.server.All(kube::kTpmIdentity).empty());
}

TEST_F(Enrollment, E21_M02_GuessesAreRateLimitedAndTheSecretIsInNoLogOrAnswer) {
  TestAgent agent(world);
  const auto enrolled = agent.Enroll();
  const auto enrollment = evidence::DecodeEnrollmentResponse(enrolled.body);
  ASSERT_TRUE(enrollment);
  const std::string secret = ToBase64(agent.Solve(*enrollment));
  evidence::ActivationRequest guess;
  guess.secret = Secret(Bytes(32, 1));
  int limited = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto answer =
        world.Call(http::Method::kPost, "/v1/enrollments/" + enrollment->enrollment + "/activation",
                   agent.token, evidence::Encode(guess));
    limited += answer.status == 429 ? 1 : 0;
    EXPECT_NE(answer.status, 200);
    EXPECT_EQ(answer.body.find(secret), std::string::npos);
  }
  EXPECT_GE(limited, 9'970);
  EXPECT_TRUE(world.logger.With(secret).empty());
  EXPECT_TRUE(world.logger.With(ToHex(agent.Solve(*enrollment))).empty());
}

TEST_F(Enrollment, E22_M04_AnswersOfTwoSessionsAreRefusedWhenSwapped) {
  TestAgent agent(world);
  const auto one = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  const auto two = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(ReasonIn(agent.Activate(one->enrollment, agent.Solve(*two))), "ActivationFailed");
  EXPECT_EQ(ReasonIn(agent.Activate(two->enrollment, agent.Solve(*one))), "ActivationFailed");
  EXPECT_TRUE(world.server.All(kube::kTpmIdentity).empty());
}

TEST_F(Enrollment, M04_TheSecretOpensForThatEkAndThatAkOnly) {
  TestAgent agent(world);
  const auto enrollment = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  ASSERT_TRUE(enrollment);
  const fakes::SoftwareKey other_ak{KeyTemplate::AkP384()};
  EXPECT_FALSE(fakes::ActivateCredential(agent.ek, other_ak.Name(), enrollment->credential_blob,
                                         enrollment->encrypted_secret));
  const fakes::SoftwareKey other_ek{KeyTemplate::EkP384()};
  EXPECT_FALSE(fakes::ActivateCredential(
      other_ek, agent.tpm.ak().Name(), enrollment->credential_blob, enrollment->encrypted_secret));
}

TEST_F(Enrollment, M04_AnotherNodeCannotAnswerAndDoesNotBurnTheEnrolment) {
  TestAgent agent(world);
  TestAgent thief(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  const auto enrollment = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  ASSERT_TRUE(enrollment);
  EXPECT_EQ(ReasonIn(thief.Activate(enrollment->enrollment, agent.Solve(*enrollment))),
            "UnknownEnrollment");
  EXPECT_EQ(agent.Activate(enrollment->enrollment, agent.Solve(*enrollment)).status, 200);
}

TEST_F(Enrollment, M01_AnEnrolmentRunsOutAfter60Seconds) {
  TestAgent agent(world);
  const auto enrollment = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  ASSERT_TRUE(enrollment);
  EXPECT_EQ(enrollment->expires_in, seconds(60));
  world.clock.Advance(seconds(60));
  EXPECT_EQ(ReasonIn(agent.Activate(enrollment->enrollment, agent.Solve(*enrollment))),
            "UnknownEnrollment");
}

TEST_F(Enrollment, E23_M06_AnotherTpmCannotTakeANodeOver) {
  TrustCa();
  TestAgent owner(world);
  Certify(owner);
  ASSERT_EQ(owner.EnrollAndActivate().status, 200);
  const TpmIdentity before = world.IdentityNamed(owner.IdentityName());

  TestAgent attacker(world);  // a genuine TPM with a token of worker-1
  Certify(attacker);
  const auto response = attacker.EnrollAndActivate();
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(ReasonIn(response), "IdentityConflict");
  EXPECT_EQ(world.metrics.Rejected("IdentityConflict"), 1);
  EXPECT_TRUE(world.HasEvent("worker-1", "IdentityConflict"));
  const TpmIdentity after = world.IdentityNamed(owner.IdentityName());
  EXPECT_EQ(after.status.attestation_key, before.status.attestation_key);
  EXPECT_EQ(after.status.admissions, before.status.admissions) << "the old binding stands";
  EXPECT_EQ(Find(after.status.conditions, "ConflictFree")->reason, "IdentityConflict");
  EXPECT_EQ(world.identities.Get(attacker.IdentityName()), nullptr);
  EXPECT_EQ(world.StatusOf("worker-1").tpm_identity, owner.IdentityName());
}

TEST_F(Enrollment, M07_AnAdmittedTpmCannotAppearOnAnotherNode) {
  TrustCa();
  TestAgent owner(world);
  Certify(owner);
  ASSERT_EQ(owner.EnrollAndActivate().status, 200);
  TestAgent moved(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  moved.ek = owner.ek;
  moved.certificate = owner.certificate;
  EXPECT_EQ(ReasonIn(moved.EnrollAndActivate()), "IdentityConflict");
  EXPECT_TRUE(world.HasEvent("worker-1", "IdentityConflict"));
  EXPECT_TRUE(world.HasEvent("worker-2", "IdentityConflict"));
  EXPECT_EQ(world.IdentityNamed(owner.IdentityName()).node_name, "worker-1");
}

TEST_F(Enrollment, ADeniedTpmIsToldSoAndNothingIsWritten) {
  TestAgent agent(world);
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  for (const char* decision : {"Denied", "Revoked"}) {
    world.Decide(agent.IdentityName(), decision);
    const std::string version = world.IdentityNamed(agent.IdentityName()).meta.resource_version;
    const auto activated = evidence::DecodeActivationResponse(agent.EnrollAndActivate().body);
    ASSERT_TRUE(activated);
    EXPECT_EQ(activated->decision, evidence::IdentityDecision::kDenied);
    EXPECT_EQ(world.IdentityNamed(agent.IdentityName()).meta.resource_version, version);
  }
}

TEST_F(Enrollment, AFourthUndecidedTpmOfANodeIsTooMany) {
  for (int i = 0; i < 3; ++i) {
    TestAgent agent(world);
    ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  }
  TestAgent fourth(world);
  const auto response = fourth.EnrollAndActivate();
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(ReasonIn(response), "TooManyIdentities");
  EXPECT_EQ(world.server.All(kube::kTpmIdentity).size(), 3);
}

TEST_F(Enrollment, SixEnrolmentsAMinuteWithABurstOfThree) {
  TestAgent agent(world);
  const std::string body = evidence::Encode(agent.EnrollmentBody());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.Call(http::Method::kPost, "/v1/enrollments", agent.token, body).status, 201);
  }
  const auto refused = world.Call(http::Method::kPost, "/v1/enrollments", agent.token, body);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.retry_after, seconds(10));
  TestAgent other(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  EXPECT_EQ(other.Enroll().status, 201);
}

TEST_F(Enrollment, WhileTheApiServerIsAwayNothingIsBoundAndTheAgentIsToldToComeBack) {
  TestAgent agent(world);
  const auto enrollment = evidence::DecodeEnrollmentResponse(agent.Enroll().body);
  ASSERT_TRUE(enrollment);
  world.interceptor = [](const transport::HttpRequest&) {
    return std::optional<Result<transport::HttpResponse>>(
        Fail(ErrorCode::kUnavailable, "no connection", Retry::kBackoff));
  };
  const auto response = agent.Activate(enrollment->enrollment, agent.Solve(*enrollment));
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.retry_after.has_value());
  world.interceptor = nullptr;
  EXPECT_EQ(agent.EnrollAndActivate().status, 200);
}

}  // namespace
}  // namespace plimsoll::controller::ingest
