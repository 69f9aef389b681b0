#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

// Whatever one bit of a good evidence document becomes, it is not Trusted.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::KeyTemplate;

constexpr std::string_view kChallenge = "c-0123456789abcdef";

// What the controller does with a body: the two stages of decoding, then the appraisal.
Verdict JudgeBody(std::string_view body, const Expectation& expectation,
                  const std::vector<AppliedPolicy>& policies, MonotonicTime now) {
  const auto document = evidence::EvidenceDocument::Parse(body);
  if (!document || document->challenge() != kChallenge) {
    return Verdict::kUnknown;  // 400, 409: no verdict at all
  }
  const auto evidence = document->Decode();
  if (!evidence) {
    return RejectMalformed(evidence.error(), policies).verdict;
  }
  const auto appraisal = Appraise(*evidence, expectation, policies, now);
  EXPECT_TRUE(appraisal.has_value());
  return appraisal ? appraisal->verdict : Verdict::kUnknown;
}

TEST(Mutations, NoFlippedBitOfAGoodDocumentIsTrusted) {
  AttestedNode node(KeyTemplate::AkP256());
  node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7");
  const auto policies = node.Policies();
  const Expectation expectation = node.Expectation();
  std::string body = evidence::EncodeEvidence(kChallenge, node.Evidence());
  ASSERT_EQ(JudgeBody(body, expectation, policies, node.now), Verdict::kTrusted);
  for (size_t i = 0; i < body.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const char original = body[i];
      body[i] = static_cast<char>(original ^ static_cast<char>(1U << bit));
      ASSERT_NE(JudgeBody(body, expectation, policies, node.now), Verdict::kTrusted)
          << "byte " << i << ", bit " << bit << ": " << body;
      body[i] = original;
    }
  }
  EXPECT_EQ(JudgeBody(body, expectation, policies, node.now), Verdict::kTrusted);
}

TEST(Mutations, NoCutOfAGoodDocumentIsTrusted) {
  const AttestedNode node(KeyTemplate::AkP256());
  const auto policies = node.Policies();
  const Expectation expectation = node.Expectation();
  const std::string body = evidence::EncodeEvidence(kChallenge, node.Evidence());
  for (size_t size = 0; size < body.size(); ++size) {
    ASSERT_NE(JudgeBody(body.substr(0, size), expectation, policies, node.now), Verdict::kTrusted);
  }
}

TEST(Mutations, UnknownFieldsAreIgnored) {
  const AttestedNode node(KeyTemplate::AkP256());
  std::string body = evidence::EncodeEvidence(kChallenge, node.Evidence());
  body.insert(1, R"("newer":{"than":["us"]},)");
  EXPECT_EQ(JudgeBody(body, node.Expectation(), node.Policies(), node.now), Verdict::kTrusted);
}

}  // namespace
}  // namespace plimsoll::appraisal
