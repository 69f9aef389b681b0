#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "evidence/challenge.h"
#include "evidence/cluster_info.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/problem.h"
#include "evidence/report.h"
#include "evidence/statement.h"

// The small documents of the protocol: what one end encodes the other decodes, and nothing else.
namespace plimsoll::evidence {
namespace {

using nlohmann::json;
using tcg::AlgorithmId;

constexpr const char* kUid = "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11";

tcg::Name SomeName() { return *tcg::Name::FromHex("000b" + std::string(64, 'a')); }

// `document` with one member set to `value`, by JSON pointer.
std::string With(const std::string& document, const std::string& pointer, json value) {
  json changed = json::parse(document);
  changed[json::json_pointer(pointer)] = std::move(value);
  return changed.dump();
}

std::string Without(const std::string& document, const std::string& pointer) {
  json changed = json::parse(document);
  const json::json_pointer path(pointer);
  changed[path.parent_pointer()].erase(path.back());
  return changed.dump();
}

EnrollmentRequest SomeEnrollment() {
  EnrollmentRequest request;
  request.agent_version = "0.1.0";
  request.endorsement_public = {1, 2, 3};
  request.endorsement_certificate = Bytes{0x30, 0x00};
  request.endorsement_chain = {Bytes{4}, Bytes{5, 6}};
  request.attestation_public = {7, 8};
  request.tpm = {"IFX", "SLB9672", "15.23", "1.59"};
  return request;
}

ChallengeRequest SomeChallenge() {
  return {SomeName(), kUid, *tcg::PcrSelection::FromText("sha256:0,1,2+sha384:7"),
          LogName{Bytes(32, 9), 34034}, 4878};
}

TEST(Messages, ClusterInfoSurvivesTheWire) {
  const auto info = DecodeClusterInfo(Encode(ClusterInfo{kUid, {"p384", "rsa2048"}}));
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(info->cluster_uid, kUid);
  EXPECT_EQ(info->key_profiles, (std::vector<std::string>{"p384", "rsa2048"}));
}

TEST(Messages, EnrollmentsSurviveTheWire) {
  const auto request = DecodeEnrollmentRequest(Encode(SomeEnrollment()));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->agent_version, "0.1.0");
  EXPECT_EQ(request->endorsement_public, (Bytes{1, 2, 3}));
  EXPECT_EQ(request->endorsement_certificate, (Bytes{0x30, 0x00}));
  EXPECT_EQ(request->endorsement_chain, (std::vector<Bytes>{{4}, {5, 6}}));
  EXPECT_EQ(request->attestation_public, (Bytes{7, 8}));
  EXPECT_EQ(request->tpm.vendor, "SLB9672");

  EnrollmentResponse response{"e-1", {1}, {2, 3}, std::chrono::seconds(60)};
  const auto decoded = DecodeEnrollmentResponse(Encode(response));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->enrollment, "e-1");
  EXPECT_EQ(decoded->credential_blob, Bytes{1});
  EXPECT_EQ(decoded->encrypted_secret, (Bytes{2, 3}));
  EXPECT_EQ(decoded->expires_in.count(), 60);
}

TEST(Messages, ActivationsSurviveTheWire) {
  const auto request = DecodeActivationRequest(Encode(ActivationRequest{Secret(Bytes{1, 2, 3})}));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(ToBytes(request->secret.bytes()), (Bytes{1, 2, 3}));
  for (const auto decision : {IdentityDecision::kPending, IdentityDecision::kApproved,
                              IdentityDecision::kAdmitted, IdentityDecision::kDenied}) {
    const auto response =
        DecodeActivationResponse(Encode(ActivationResponse{"ek-9f2b", SomeName(), decision}));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->identity, "ek-9f2b");
    EXPECT_EQ(response->attestation_key_name, SomeName());
    EXPECT_EQ(response->decision, decision);
  }
  EXPECT_FALSE(DecodeActivationResponse(With(Encode(ActivationResponse{"ek-9f2b", SomeName(), {}}),
                                             "/decision", "Maybe"))
                   .has_value());
}

TEST(Messages, ChallengesSurviveTheWire) {
  const auto request = DecodeChallengeRequest(Encode(SomeChallenge()));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->attestation_key_name, SomeName());
  EXPECT_EQ(request->boot_id, kUid);
  EXPECT_EQ(request->banks, SomeChallenge().banks);
  EXPECT_EQ(request->boot_event_log->size, 34034U);
  EXPECT_EQ(request->ima_entries, 4878U);

  ChallengeResponse response;
  response.challenge = "c-1";
  response.node = {"worker-2", kUid};
  response.nonce.fill(0xAB);
  response.selection = *tcg::PcrSelection::FromText("sha256:0,23");
  response.want_ima_from = 17;
  response.expires_in = std::chrono::seconds(60);
  const auto decoded = DecodeChallengeResponse(Encode(response));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->challenge, "c-1");
  EXPECT_EQ(decoded->node.name, "worker-2");
  EXPECT_EQ(decoded->nonce, response.nonce);
  EXPECT_EQ(decoded->selection, response.selection);
  EXPECT_FALSE(decoded->want_boot_event_log);
  EXPECT_EQ(decoded->want_ima_from, 17U);
}

TEST(Messages, AChallengeSpellsBanksAsTheProtocolDoes) {
  const json document = json::parse(Encode(SomeChallenge()));
  EXPECT_EQ(document["banks"].dump(),
            R"([{"bank":"sha256","pcrs":[0,1,2]},{"bank":"sha384","pcrs":[7]}])");
  EXPECT_EQ(document["attestationKeyName"], "000b" + std::string(64, 'a'));
}

TEST(Messages, ProblemsReportsAndAnswersSurviveTheWire) {
  const auto problem =
      DecodeProblem(Encode(Problem{409, "Stale", "made\nbefore", "StaleEvidence"}));
  ASSERT_TRUE(problem.has_value()) << problem.error().message;
  EXPECT_EQ(problem->status, 409);
  EXPECT_EQ(problem->detail, "made?before");
  EXPECT_EQ(problem->reason, "StaleEvidence");

  const auto report =
      DecodeReportRequest(Encode(ReportRequest{TpmTrouble::kTpmAbsent, "no /dev/tpmrm0"}));
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->reason, TpmTrouble::kTpmAbsent);
  EXPECT_FALSE(DecodeReportRequest(R"({"reason":"TPMOnFire","detail":""})").has_value());

  const auto answer = DecodeEvidenceResponse(
      Encode(EvidenceResponse{"Trusted", "AllPoliciesPassed", "fine", std::chrono::seconds(287)}));
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->verdict, "Trusted");
  EXPECT_EQ(answer->next_attestation_in.count(), 287);
}

TEST(Messages, OptionalFieldsMayBeNullOrAbsent) {
  const std::string full = Encode(SomeEnrollment());
  for (const char* optional :
       {"/endorsementKey/certificate", "/endorsementKey/chain", "/tpm", "/tpm/vendor"}) {
    EXPECT_TRUE(DecodeEnrollmentRequest(With(full, optional, nullptr)).has_value()) << optional;
    EXPECT_TRUE(DecodeEnrollmentRequest(Without(full, optional)).has_value()) << optional;
  }
  EXPECT_FALSE(DecodeEnrollmentRequest(With(full, "/endorsementKey/certificate", nullptr))
                   ->endorsement_certificate.has_value());
  const std::string challenge = Encode(SomeChallenge());
  for (const char* optional : {"/bootEventLog", "/ima"}) {
    EXPECT_TRUE(DecodeChallengeRequest(With(challenge, optional, nullptr)).has_value()) << optional;
    EXPECT_TRUE(DecodeChallengeRequest(Without(challenge, optional)).has_value()) << optional;
  }
}

TEST(Messages, EveryOtherFieldIsRequired) {
  const std::string enrollment = Encode(SomeEnrollment());
  for (const char* field : {"/agentVersion", "/endorsementKey", "/endorsementKey/public",
                            "/attestationKey", "/attestationKey/public"}) {
    EXPECT_FALSE(DecodeEnrollmentRequest(Without(enrollment, field)).has_value()) << field;
    EXPECT_FALSE(DecodeEnrollmentRequest(With(enrollment, field, nullptr)).has_value()) << field;
  }
  const std::string challenge = Encode(SomeChallenge());
  for (const char* field :
       {"/attestationKeyName", "/bootID", "/banks", "/banks/0/bank", "/banks/0/pcrs",
        "/bootEventLog/sha256", "/bootEventLog/size", "/ima/entries"}) {
    EXPECT_FALSE(DecodeChallengeRequest(Without(challenge, field)).has_value()) << field;
  }
}

TEST(Messages, WrongTypesAndSpellingsAreRefused) {
  const std::string enrollment = Encode(SomeEnrollment());
  const std::pair<const char*, json> wrong[] = {
      {"/agentVersion", 1},
      {"/agentVersion", "a\nb"},
      {"/agentVersion", std::string(257, 'x')},
      {"/endorsementKey", "x"},
      {"/endorsementKey/public", "AQI"},   // padding missing
      {"/endorsementKey/public", "AQJ="},  // bits behind the last byte
      {"/endorsementKey/public", "AQ ="},
      {"/endorsementKey/public", std::string(1368 + 4, 'A')},  // over 1 KiB
      {"/endorsementKey/chain", "AQI="},
      {"/endorsementKey/chain", json::array({1})},
      {"/endorsementKey/chain", std::vector<std::string>(9, "AQI=")},
      {"/tpm", json::array()},
      {"/tpm/manufacturer", true},
  };
  for (const auto& [field, value] : wrong) {
    EXPECT_FALSE(DecodeEnrollmentRequest(With(enrollment, field, value)).has_value())
        << field << " " << value;
  }
  const std::string challenge = Encode(SomeChallenge());
  const std::pair<const char*, json> wrong_challenge[] = {
      {"/attestationKeyName", "000B" + std::string(64, 'a')},  // upper case
      {"/attestationKeyName", "000b" + std::string(62, 'a')},
      {"/attestationKeyName", "0010" + std::string(64, 'a')},
      {"/bootID", "not a uuid"},
      {"/banks", json::object()},
      {"/banks", json::array({json::object({{"bank", "sha256"}, {"pcrs", {0, 0}}})})},
      {"/banks", json::array({json::object({{"bank", "sha256"}, {"pcrs", {32}}})})},
      {"/banks", json::array({json::object({{"bank", "sha256"}, {"pcrs", {-1}}})})},
      {"/banks", json::array({json::object({{"bank", "sha256"}, {"pcrs", {1.5}}})})},
      {"/banks/1/bank", "sha256"},  // twice
      {"/bootEventLog/sha256", std::string(63, 'a')},
      {"/bootEventLog/size", -1},
      {"/ima/entries", "4878"},
  };
  for (const auto& [field, value] : wrong_challenge) {
    EXPECT_FALSE(DecodeChallengeRequest(With(challenge, field, value)).has_value())
        << field << " " << value;
  }
}

TEST(Messages, BanksOfHashesThatWeDoNotKnowAreLeftOutOfAnOffer) {
  const std::string challenge = With(Encode(SomeChallenge()), "/banks/1/bank", "sm3_256");
  const auto request = DecodeChallengeRequest(challenge);
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->banks, *tcg::PcrSelection::FromText("sha256:0,1,2"));
  EXPECT_FALSE(DecodeChallengeRequest(With(challenge, "/banks/0/bank", "md5")).has_value())
      << "no bank is left";
  EXPECT_FALSE(DecodeChallengeRequest(With(challenge, "/banks", json::array())).has_value());
}

TEST(Messages, WhatIsNotOneStrictJsonObjectIsRefused) {
  const std::string good = R"({"reason":"TPMError","detail":"x"})";
  ASSERT_TRUE(DecodeReportRequest(good).has_value());
  EXPECT_TRUE(DecodeReportRequest(R"({"reason":"TPMError","detail":"x","newer":[1,{"a":null}]})")
                  .has_value());
  for (const std::string& bad :
       {std::string(), std::string("null"), std::string("[]"), good + " x", good + good,
        std::string(R"({"reason":"TPMError","detail":"x","detail":"y"})"),
        std::string(R"({"reason":"TPMError","detail":"x","\u0064etail":"y"})"),
        std::string(R"({"reason":"TPMError","detail":"x","newer":{"a":1,"a":2}})"),
        std::string(R"({"reason":"TPMError","detail":"x","newer":[[{"a":1,"a":2}]]})"),
        std::string(R"({"reason":"TPMError","detail":"x","newer":NaN})"),
        std::string(R"({"reason":"TPMError","detail":"x","newer":1e999})"),
        std::string("{\"reason\":\"TPMError\",\"detail\":\"\xff\"}"),
        R"({"reason":"TPMError","detail":"x","pad":")" + std::string(65536, 'x') + "\"}"}) {
    EXPECT_FALSE(DecodeReportRequest(bad).has_value()) << bad.substr(0, 80);
  }
}

TEST(Messages, NestingStopsAtSixteen) {
  const auto nested = [](size_t depth) {  // of the whole document
    return R"({"reason":"TPMError","detail":"x","newer":)" + std::string(depth - 1, '[') +
           std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(DecodeReportRequest(nested(16)).has_value());
  EXPECT_FALSE(DecodeReportRequest(nested(17)).has_value());
  EXPECT_FALSE(DecodeReportRequest(nested(20'000)).has_value());
}

TEST(Messages, StatementsSurviveTheWireAndAreStrict) {
  Statement statement{kUid,
                      "6.1.0-31-amd64",
                      "Debian GNU/Linux 12",
                      "0.1.0",
                      LogName{Bytes(32, 1), 34034},
                      ImaRange{10, 20, 30, Bytes(32, 2)}};
  const std::string text = Encode(statement);
  const auto decoded = DecodeStatement(AsBytes(text));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->boot_id, kUid);
  EXPECT_EQ(decoded->kernel, "6.1.0-31-amd64");
  EXPECT_EQ(decoded->boot_event_log->sha256, Bytes(32, 1));
  EXPECT_EQ(decoded->ima->total, 30U);

  const auto refused = [](const std::string& bad) {
    return !DecodeStatement(AsBytes(bad)).has_value();
  };
  EXPECT_TRUE(refused(With(text, "/ima/total", 29))) << "less than from + entries";
  EXPECT_TRUE(refused(With(text, "/ima/entries", 100'001)));
  EXPECT_TRUE(refused(With(text, "/kernel", "6.1\n")));
  EXPECT_TRUE(refused(Without(text, "/bootID")));
  EXPECT_TRUE(refused(With(text, "/pad", std::string(16 * 1024, 'x'))));
  EXPECT_FALSE(refused(Without(text, "/ima")));
  EXPECT_FALSE(refused(With(text, "/bootEventLog", nullptr)));
}

}  // namespace
}  // namespace plimsoll::evidence
