#include "evidence/evidence.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "evidence/limits.h"
#include "evidence/qualifying_data.h"

namespace plimsoll::evidence {
namespace {

using nlohmann::json;
using tcg::AlgorithmId;

Evidence Some() {
  Evidence evidence;
  evidence.attest = {1, 2, 3};
  evidence.signature = {4, 5};
  evidence.pcrs = {{AlgorithmId::kSha256, 0, Bytes(32, 6)}, {AlgorithmId::kSha1, 23, Bytes(20, 7)}};
  evidence.statement = ToBytes(AsBytes("{}"));
  return evidence;
}

json Document() { return json::parse(EncodeEvidence("c-1", Some())); }

// nullopt when stage two refuses; stage one must not.
std::optional<Evidence> Decode(const json& document) {
  const auto parsed = EvidenceDocument::Parse(document.dump());
  EXPECT_TRUE(parsed.has_value()) << parsed.error().message;
  auto evidence = parsed ? parsed->Decode() : Result<Evidence>(Fail(ErrorCode::kInternal, ""));
  return evidence ? std::optional(*std::move(evidence)) : std::nullopt;
}

TEST(EvidenceDocuments, SurviveTheWire) {
  Evidence evidence = Some();
  evidence.boot_event_log = Bytes(100, 8);
  evidence.ima = Bytes(200, 9);
  auto parsed = EvidenceDocument::Parse(EncodeEvidence("c-1", evidence));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->challenge(), "c-1");
  EvidenceDocument moved = *std::move(parsed);
  const auto decoded = moved.Decode();
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->attest, evidence.attest);
  EXPECT_EQ(decoded->signature, evidence.signature);
  EXPECT_EQ(decoded->pcrs, evidence.pcrs);
  EXPECT_EQ(decoded->statement, evidence.statement);
  EXPECT_EQ(decoded->boot_event_log, evidence.boot_event_log);
  EXPECT_EQ(decoded->ima, evidence.ima);
}

TEST(EvidenceDocuments, WithoutAReadableChallengeThereIsNoVerdict) {
  for (const std::string& bad :
       {std::string("{}"), std::string("[]"), std::string("x"), std::string(R"({"challenge":1})"),
        std::string(R"({"challenge":"a b"})"), std::string(R"({"challenge":null})"),
        std::string(R"({"challenge":"a","challenge":"a"})"), std::string(R"({"challenge":"a"} {})"),
        std::string(R"({"challenge":"a","x":NaN})"),
        R"({"challenge":"a","x":)" + std::string(100'000, '[') + "}",
        std::string("{\"challenge\":\"a\",\"x\":\"\xff\"}")}) {
    EXPECT_FALSE(EvidenceDocument::Parse(bad).has_value()) << bad.substr(0, 60);
  }
}

TEST(EvidenceDocuments, OverSixteenMebibytesIsTooLarge) {
  const std::string pad(kMaxEvidenceBodyBytes, ' ');
  const auto parsed = EvidenceDocument::Parse(R"({"challenge":"a"})" + pad);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, ErrorCode::kTooLarge);
}

TEST(EvidenceDocuments, WhatIsWrongBesideTheChallengeIsForStageTwo) {
  const auto refused = [](const std::string& text) {
    const auto parsed = EvidenceDocument::Parse(text);
    return parsed.has_value() && !parsed->Decode().has_value();
  };
  EXPECT_TRUE(refused(R"({"challenge":"a"})"));
  std::string twice = Document().dump();
  twice.insert(1, R"("pcrs":[],)");
  EXPECT_TRUE(refused(twice));
  std::string inner = Document().dump();
  inner.insert(1, R"("newer":{"a":1,"a":2},)");
  EXPECT_TRUE(refused(inner));
}

TEST(EvidenceDocuments, EveryPartIsReadStrictly) {
  const std::pair<const char*, json> wrong[] = {
      {"/quote", nullptr},
      {"/quote/attest", "AQID="},
      {"/quote/attest", ToBase64(Bytes(1025))},
      {"/quote/signature", ToBase64(Bytes(1025))},
      {"/quote/signature", 5},
      {"/pcrs", json::object()},
      {"/pcrs/0", 5},
      {"/pcrs/0/bank", "sm3_256"},
      {"/pcrs/0/bank", "SHA256"},
      {"/pcrs/0/index", 32},
      {"/pcrs/0/index", "0"},
      {"/pcrs/0/index", 0.0},
      {"/pcrs/0/digest", std::string(62, '0')},
      {"/pcrs/0/digest", std::string(64, 'A')},
      {"/pcrs/0/digest", std::string(96, 'a')},
      {"/statement", nullptr},
      {"/statement", ToBase64(Bytes(16 * 1024 + 1))},
      {"/bootEventLog", 7},
      {"/ima", "*"},
  };
  for (const auto& [field, value] : wrong) {
    json document = Document();
    document[json::json_pointer(field)] = value;
    EXPECT_FALSE(Decode(document).has_value()) << field;
  }
  json many = Document();
  many["pcrs"] = std::vector<json>(513, many["pcrs"][0]);
  EXPECT_FALSE(Decode(many).has_value());
}

TEST(EvidenceDocuments, LogsMayBeNullAndNewerFieldsAreIgnored) {
  json document = Document();
  document["bootEventLog"] = nullptr;
  document["ima"] = nullptr;
  document["newer"] = {{"than", "us"}};
  const auto evidence = Decode(document);
  ASSERT_TRUE(evidence.has_value());
  EXPECT_FALSE(evidence->boot_event_log.has_value());
}

TEST(QualifyingDataOfAQuote, IsTheHashThatTheProtocolWrites) {
  Nonce nonce{};
  nonce.fill(0x11);
  const std::string uid = "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11";
  const auto name = *tcg::Name::FromHex("000b" + std::string(64, 'a'));
  const Bytes statement = ToBytes(AsBytes("{\"x\":1}"));

  // Written out by hand.
  Bytes message = ToBytes(AsBytes("plimsoll.dev/quote/v1"));
  message.push_back(0);
  Append(message, nonce);
  Append(message, Bytes{0, 36});
  Append(message, AsBytes(uid));
  Append(message, Bytes{0, 34});
  Append(message, name.bytes());
  Append(message, crypto::Digest(AlgorithmId::kSha256, {statement}));
  for (const AlgorithmId hash :
       {AlgorithmId::kSha256, AlgorithmId::kSha384, AlgorithmId::kSha512}) {
    EXPECT_EQ(QualifyingData(hash, nonce, uid, name, statement), crypto::Digest(hash, {message}));
  }
  EXPECT_EQ(ToHex(QualifyingData(AlgorithmId::kSha256, nonce, uid, name, statement)),
            "b30abda1f061b46a74cfe66ff7a12e6d9410ccd55cc908b51cd19590650ed09f");
}

}  // namespace
}  // namespace plimsoll::evidence
