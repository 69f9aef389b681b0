#include "evidence/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/encoding.h"

// Bundles: a frame that must be usable, and evidence that may be anything.
namespace plimsoll::evidence {
namespace {

using nlohmann::json;
using testing::HasSubstr;

BundleFrame Frame() {
  BundleFrame frame;
  frame.node_name = "node-1";
  frame.node_uid = "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11";
  frame.attestation_key = Bytes{1, 2, 3};
  Nonce nonce{};
  nonce.fill(0x5A);
  frame.expected = nonce;
  frame.selection = *tcg::PcrSelection::FromText("sha1:0+sha256:0,7");
  return frame;
}

Evidence Sample() {
  Evidence evidence;
  evidence.attest = {1, 2};
  evidence.signature = {3};
  evidence.pcrs = {{tcg::AlgorithmId::kSha256, 7, Bytes(32, 7)}};
  evidence.statement = Bytes{'{', '}'};
  evidence.boot_event_log = Bytes{9};
  evidence.ima = Bytes{};
  return evidence;
}

BundleDocument ParseGood(const std::string& text) {
  auto document = BundleDocument::Parse(text);
  EXPECT_TRUE(document.has_value()) << document.error().message;
  return *std::move(document);
}

std::string ProblemOf(const json& object) {
  const auto document = BundleDocument::Parse(object.dump());
  EXPECT_FALSE(document.has_value());
  return document ? "" : document.error().message;
}

json Good() { return json::parse(EncodeBundle(Frame(), Sample())); }

TEST(Bundle, WhatIsEncodedIsReadBack) {
  BundleFrame frame = Frame();
  frame.endorsement = BundleEndorsement{
      .public_area = {4}, .certificate = Bytes{5, 6}, .chain = {Bytes{7}, Bytes{8, 9}}};
  const BundleDocument document = ParseGood(EncodeBundle(frame, Sample()));
  const BundleFrame& read = document.frame();
  EXPECT_EQ(read.node_name, frame.node_name);
  EXPECT_EQ(read.node_uid, frame.node_uid);
  EXPECT_EQ(read.attestation_key, frame.attestation_key);
  EXPECT_EQ(read.expected, frame.expected);
  EXPECT_EQ(read.selection, frame.selection);
  ASSERT_TRUE(read.endorsement.has_value());
  EXPECT_EQ(read.endorsement->public_area, frame.endorsement->public_area);
  EXPECT_EQ(read.endorsement->certificate, frame.endorsement->certificate);
  EXPECT_EQ(read.endorsement->chain, frame.endorsement->chain);
  const auto evidence = document.DecodeEvidence();
  ASSERT_TRUE(evidence.has_value()) << evidence.error().message;
  EXPECT_EQ(evidence->attest, Sample().attest);
  EXPECT_EQ(evidence->signature, Sample().signature);
  EXPECT_EQ(evidence->pcrs, Sample().pcrs);
  EXPECT_EQ(evidence->statement, Sample().statement);
  EXPECT_EQ(evidence->boot_event_log, Sample().boot_event_log);
  EXPECT_EQ(evidence->ima, Sample().ima) << "an empty list is not an absent one";
}

TEST(Bundle, QuotesOfOtherToolsHaveQualifyingDataAndMayHaveAPemKey) {
  BundleFrame frame = Frame();
  frame.attestation_key =
      std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
  frame.expected = Bytes(20, 0xAB);
  Evidence evidence = Sample();
  evidence.statement.reset();
  const BundleDocument document = ParseGood(EncodeBundle(frame, evidence));
  EXPECT_EQ(document.frame().attestation_key, frame.attestation_key);
  EXPECT_EQ(document.frame().expected, frame.expected);
  EXPECT_TRUE(document.DecodeEvidence().has_value()) << "no statement is needed then";
}

TEST(Bundle, Q05_ANonceNeedsAStatementForItsQualifyingData) {
  json bundle = Good();
  bundle["evidence"].erase("statement");
  const BundleDocument document = ParseGood(bundle.dump());
  EXPECT_FALSE(document.DecodeEvidence().has_value());
}

TEST(Bundle, APemKeyWithANonceIsUnusable) {
  json bundle = Good();
  bundle["attestationKey"]["public"] = "-----BEGIN PUBLIC KEY-----";
  EXPECT_THAT(ProblemOf(bundle), HasSubstr("qualifyingData"));
}

TEST(Bundle, NonceAndQualifyingDataExcludeEachOther) {
  json bundle = Good();
  bundle["expect"]["qualifyingData"] = "00";
  EXPECT_THAT(ProblemOf(bundle), HasSubstr("beside a nonce"));
}

TEST(Bundle, QualifyingDataIsBounded) {
  json bundle = Good();
  bundle["expect"].erase("nonce");
  bundle["expect"]["qualifyingData"] = std::string(128, 'a');
  EXPECT_TRUE(BundleDocument::Parse(bundle.dump()).has_value());
  bundle["expect"]["qualifyingData"] = std::string(130, 'a');
  EXPECT_THAT(ProblemOf(bundle), HasSubstr("qualifyingData"));
  bundle["expect"]["qualifyingData"] = "AB";
  EXPECT_THAT(ProblemOf(bundle), HasSubstr("lower-case"));
}

TEST(Bundle, TheKindIsCompared) {
  for (const char* const member : {"kind", "apiVersion"}) {
    json bundle = Good();
    bundle[member] = "Other";
    EXPECT_THAT(ProblemOf(bundle), HasSubstr("not an EvidenceBundle")) << member;
  }
}

TEST(Bundle, WhatIsNoObjectIsNoBundle) {
  for (const std::string text : {"", "[]", "\"x\"", "{", "{}", "null"}) {
    EXPECT_FALSE(BundleDocument::Parse(text).has_value()) << text;
  }
}

TEST(Bundle, F03_ABundleIsBounded) {
  std::string text = EncodeBundle(Frame(), Sample());
  text.resize(BundleDocument::kMaxBytes + 1, ' ');
  const auto document = BundleDocument::Parse(text);
  ASSERT_FALSE(document.has_value());
  EXPECT_EQ(document.error().code, ErrorCode::kTooLarge);
}

TEST(Bundle, EvidenceThatIsNestedTooDeeplyIsWrongEvidence) {
  json deep = 1;
  for (int i = 0; i < 100; ++i) {
    deep = {{"a", std::move(deep)}};
  }
  json bundle = Good();
  bundle["evidence"]["x"] = deep;
  EXPECT_FALSE(ParseGood(bundle.dump()).DecodeEvidence().has_value());
  bundle = Good();
  bundle["x"] = deep;
  EXPECT_FALSE(BundleDocument::Parse(bundle.dump()).has_value()) << "around it, it is unusable";
}

TEST(Bundle, AKeyThatIsThereTwiceInTheEvidenceIsWrongEvidence) {
  std::string text = Good().dump();
  text.insert(text.find("\"attest\""), R"("attest":"AAAA",)");
  EXPECT_FALSE(ParseGood(text).DecodeEvidence().has_value());
}

TEST(Bundle, AChainIsBounded) {
  BundleFrame frame = Frame();
  frame.endorsement = BundleEndorsement{
      .public_area = {4}, .certificate = std::nullopt, .chain = std::vector<Bytes>(9, Bytes{1})};
  EXPECT_FALSE(BundleDocument::Parse(EncodeBundle(frame, Sample())).has_value());
  frame.endorsement->chain.resize(8);
  EXPECT_TRUE(BundleDocument::Parse(EncodeBundle(frame, Sample())).has_value());
}

TEST(Bundle, L09_ALogThatIsTooLongIsLeftToTheReaderOfLogs) {
  Evidence evidence = Sample();
  evidence.boot_event_log = Bytes(kMaxBootEventLogBytes + 1);
  evidence.ima = Bytes(kMaxImaBytes + 1);
  EXPECT_TRUE(ParseGood(EncodeBundle(Frame(), evidence)).DecodeEvidence().has_value());
}

}  // namespace
}  // namespace plimsoll::evidence
