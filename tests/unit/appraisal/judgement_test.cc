#include "appraisal/judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::KeyTemplate;
using tcg::AlgorithmId;

class Judgements : public testing::Test {
 protected:
  void SetUp() override {
    const Appraisal appraisal = Judge(node_);
    ASSERT_TRUE(appraisal.facts.has_value());
    facts_ = *appraisal.facts;
  }

  AppliedPolicy Good(const std::string& mode = "Enforce") {
    return AttestedNode::Apply(node_.PolicyJson(mode));
  }

  AppliedPolicy Bad(const std::string& mode = "Enforce") {
    AttestedNode other = node_;
    other.tpm.Extend(AlgorithmId::kSha256, 0, Bytes(32));
    return AttestedNode::Apply(other.PolicyJson(mode));
  }

  AppliedPolicy NotReady(const std::string& mode = "Enforce") {
    return AttestedNode::Apply(R"({"metadata":{"name":"empty"},"spec":{"mode":")" + mode +
                               R"(","nodeSelector":{}}})");
  }

  Judgement With(const std::vector<AppliedPolicy>& policies) {
    return JudgePolicies(facts_, node_.identity, policies);
  }

  AttestedNode node_{KeyTemplate::AkP256()};
  Facts facts_;
};

void ExpectVerdict(const Judgement& judgement, Verdict verdict, Reason reason) {
  EXPECT_EQ(judgement.verdict, verdict) << judgement.message;
  EXPECT_EQ(judgement.reason, reason) << judgement.message;
}

TEST_F(Judgements, AllEnforcingPoliciesMustPass) {
  ExpectVerdict(With({Good()}), Verdict::kTrusted, Reason::kAllPoliciesPassed);
  ExpectVerdict(With({Good(), Good()}), Verdict::kTrusted, Reason::kAllPoliciesPassed);
  ExpectVerdict(With({Good(), Bad()}), Verdict::kUntrusted, Reason::kPcrMismatch);
  ExpectVerdict(With({Bad(), Good()}), Verdict::kUntrusted, Reason::kPcrMismatch);
}

TEST_F(Judgements, NothingIsTrustedWithoutAnEnforcingPolicy) {
  ExpectVerdict(With({}), Verdict::kUnknown, Reason::kNoEnforcingPolicy);
  ExpectVerdict(With({Good("Audit")}), Verdict::kUnknown, Reason::kNoEnforcingPolicy);
  ExpectVerdict(With({Bad("Audit")}), Verdict::kUnknown, Reason::kNoEnforcingPolicy);
}

TEST_F(Judgements, AuditPoliciesFeedTheAuditResultOnly) {
  EXPECT_EQ(With({Good()}).audit_passed, std::nullopt);
  EXPECT_EQ(With({Good(), Good("Audit")}).audit_passed, true);
  const Judgement failing = With({Good(), Bad("Audit"), Good("Audit")});
  EXPECT_EQ(failing.audit_passed, false);
  ExpectVerdict(failing, Verdict::kTrusted, Reason::kAllPoliciesPassed);
}

TEST_F(Judgements, APolicyThatIsNotReadyMakesItsNodesUnknown) {
  const Judgement judgement = With({Good(), NotReady()});
  ExpectVerdict(judgement, Verdict::kUnknown, Reason::kPolicyNotReady);
  EXPECT_EQ(judgement.policies[1].outcome, PolicyOutcome::kUnknown);
  ExpectVerdict(With({NotReady(), Bad()}), Verdict::kUntrusted, Reason::kPcrMismatch);
  ExpectVerdict(With({Good(), NotReady("Audit")}), Verdict::kTrusted, Reason::kAllPoliciesPassed);
}

TEST_F(Judgements, ASuspendedPolicyKeepsItsLastResultUntilThatExpires) {
  AppliedPolicy suspended = Bad("Suspended");
  ExpectVerdict(With({suspended}), Verdict::kUnknown, Reason::kEvidenceExpired);

  PolicyResult passed = With({Good()}).policies[0];
  suspended.last = passed;
  const Judgement standing = With({suspended});
  ExpectVerdict(standing, Verdict::kTrusted, Reason::kAllPoliciesPassed);
  EXPECT_TRUE(standing.policies[0].stands);
  EXPECT_EQ(standing.policies[0].mode, policy::Mode::kSuspended);

  AppliedPolicy was_bad = Good("Suspended");
  was_bad.last = With({Bad()}).policies[0];
  ExpectVerdict(With({was_bad}), Verdict::kUntrusted, Reason::kPcrMismatch);
}

TEST_F(Judgements, ASuspendedPolicyNeverOutlivesItsIdentity) {
  AppliedPolicy suspended = Good("Suspended");
  suspended.last = With({Good()}).policies[0];
  node_.identity.decision = Decision::kRevoked;
  ExpectVerdict(With({suspended}), Verdict::kUnknown, Reason::kIdentityDenied);
}

TEST_F(Judgements, RejudgingStoredFactsGivesWhatTheAppraisalGave) {
  const Appraisal fresh = Judge(node_);
  const Judgement again = With({Good()});
  EXPECT_EQ(again.verdict, fresh.verdict);
  EXPECT_EQ(again.reason, fresh.reason);
  EXPECT_EQ(again.message, fresh.message);
}

TEST_F(Judgements, RulesOverFactsThatWereNotStoredWaitForNewEvidence) {
  facts_.clock.reset();
  facts_.firmware.reset();
  ExpectVerdict(With({Good()}), Verdict::kTrusted, Reason::kAllPoliciesPassed);
  for (const char* tpm :
       {R"("tpm":{"clockSafe":"Require"},)",
        R"("tpm":{"firmwareFloor":[{"manufacturer":"IBM","version":"1.0.0.0"}]},)"}) {
    ExpectVerdict(With({AttestedNode::Apply(node_.PolicyJson("Enforce", tpm))}), Verdict::kUnknown,
                  Reason::kEvidenceExpired);
  }
  facts_.pcrs.clear();
  ExpectVerdict(With({Good()}), Verdict::kUnknown, Reason::kWrongBank);
}

TEST_F(Judgements, FactsUnderAKeyThatIsUnprovenAreNeverTrusted) {
  facts_.key_proven = false;
  ExpectVerdict(With({Good()}), Verdict::kUnknown, Reason::kAttestationKeyUnproven);
  ExpectVerdict(With({}), Verdict::kUnknown, Reason::kAttestationKeyUnproven);
  ExpectVerdict(With({Bad()}), Verdict::kUntrusted, Reason::kPcrMismatch);
}

TEST(Reasons, EveryReasonHasAWordOfItsOwnAndNoneIsTrustedByItself) {
  for (size_t i = 0; i <= static_cast<size_t>(Reason::kAllPoliciesPassed); ++i) {
    const auto reason = static_cast<Reason>(i);
    ASSERT_FALSE(ToString(reason).empty());
    EXPECT_EQ(ParseReason(ToString(reason)), reason);
    EXPECT_NE(VerdictOf(reason), Verdict::kTrusted);
  }
  EXPECT_EQ(ParseReason("StaleEvidence"), std::nullopt) << "on the wire only";
  EXPECT_EQ(ParseReason(""), std::nullopt);
}

TEST(Reasons, UnknownIsWhatProvesNothing) {
  for (const Reason reason :
       {Reason::kWrongBank, Reason::kEventLogMissing, Reason::kAttestationKeyUnproven,
        Reason::kTpmAbsent, Reason::kIdentityDenied, Reason::kPolicyNotReady}) {
    EXPECT_EQ(VerdictOf(reason), Verdict::kUnknown) << ToString(reason);
  }
  for (const Reason reason : {Reason::kReplayedQuote, Reason::kClockUnsafe,
                              Reason::kFirmwareRejected, Reason::kPcrMismatch}) {
    EXPECT_EQ(VerdictOf(reason), Verdict::kUntrusted) << ToString(reason);
  }
}

TEST(Reasons, WhatNeedsNoTpmIsStepsOneToThreeAndTheNonce) {
  EXPECT_TRUE(NeedsNoTpm(Reason::kEvidenceMalformed));
  EXPECT_TRUE(NeedsNoTpm(Reason::kAttestationKeyRejected));
  EXPECT_TRUE(NeedsNoTpm(Reason::kSignatureInvalid));
  EXPECT_TRUE(NeedsNoTpm(Reason::kNonceMismatch));
  EXPECT_FALSE(NeedsNoTpm(Reason::kNotAQuote));
  EXPECT_FALSE(NeedsNoTpm(Reason::kPcrMismatch));
}

TEST(Verdicts, WordsAreReadBack) {
  for (const Verdict verdict : {Verdict::kUnknown, Verdict::kUntrusted, Verdict::kTrusted}) {
    EXPECT_EQ(ParseVerdict(ToString(verdict)), verdict);
  }
  EXPECT_EQ(ParseVerdict("trusted"), std::nullopt);
}

}  // namespace
}  // namespace plimsoll::appraisal
