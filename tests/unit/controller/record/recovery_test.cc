#include "controller/record/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "appraisal/appraisal.h"
#include "policy/compiled_policy.h"

namespace plimsoll::controller::record {
namespace {

using appraisal::Reason;
using appraisal::Verdict;
using std::chrono::seconds;
using testing::HasSubstr;

const WallTime kNow{seconds(1'795'507'200)};

policies::NodePolicies PoliciesWith(policy::Recovery recovery,
                                    policy::Mode mode = policy::Mode::kEnforce) {
  policy::AttestationPolicy spec;
  spec.meta = {.name = "p", .uid = "p1", .generation = 1, .resource_version = "1"};
  spec.mode = mode;
  spec.enforcement.recovery = recovery;
  policies::NodePolicies policies;
  policies.policies.push_back(std::make_shared<const policy::CompiledPolicy>(
      policy::CompiledPolicy::Compile(std::move(spec), {})));
  policies.enforced = mode != policy::Mode::kAudit;
  policies.expire = seconds(900);
  return policies;
}

class RecoveryTest : public testing::Test {
 protected:
  Surroundings At() {
    return {.node_uid = node_,
            .policies = policies_,
            .inputs = inputs_,
            .now = now_,
            .earlier_failure = earlier_};
  }
  void Attest(Verdict verdict, bool facts = true) {
    now_ += seconds(60);
    appraisal::Appraisal appraisal;
    appraisal.verdict = verdict;
    appraisal.reason = verdict == Verdict::kTrusted   ? Reason::kAllPoliciesPassed
                       : verdict == Verdict::kUnknown ? Reason::kEventLogMissing
                       : facts                        ? Reason::kPcrMismatch
                                                      : Reason::kSignatureInvalid;
    appraisal.message = "because";
    if (facts) {
      appraisal.facts.emplace();
      appraisal.facts->boot_id = boot_id_;
      appraisal.facts->clock = tcg::ClockInfo{.clock = static_cast<uint64_t>(++clock_),
                                              .reset_count = resets_,
                                              .restart_count = 0,
                                              .safe = true};
    }
    status_ = AfterAppraisal(status_, appraisal, "ek-1", At());
  }
  std::string Summary() const { return status_.summary; }
  std::string Message() const { return Find(status_.conditions, "Trusted")->message; }

  policies::NodePolicies policies_ = PoliciesWith(policy::Recovery::kAcknowledged);
  std::string node_ = "node-1";
  std::string inputs_ = "inputs";
  std::string boot_id_ = "boot-1";
  uint32_t resets_ = 3;
  int clock_ = 1000;
  WallTime now_ = kNow;
  std::optional<UnacknowledgedFailure> earlier_;
  NodeAttestationStatus status_;
};

TEST_F(RecoveryTest, Automatic_LeavesUntrustedWithTheNextGoodEvidence) {
  policies_ = PoliciesWith(policy::Recovery::kAutomatic);
  Attest(Verdict::kUntrusted);
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted");
  EXPECT_FALSE(status_.failure);
}

TEST_F(RecoveryTest, E56_Acknowledged_StaysUntrustedHoweverGoodTheEvidenceIs) {
  Attest(Verdict::kTrusted);
  const auto trusted = status_.last_trusted_time;
  Attest(Verdict::kUntrusted);
  for (int round = 0; round < 3; ++round) {
    Attest(Verdict::kTrusted);
    EXPECT_EQ(Summary(), "Untrusted");
    EXPECT_EQ(Find(status_.conditions, "Trusted")->reason, "PCRMismatch");
    EXPECT_THAT(Message(), HasSubstr("acknowledged-at"));
  }
  EXPECT_EQ(status_.last_trusted_time, trusted);
}

TEST_F(RecoveryTest, ANewBootOfTheTpmEndsIt) {
  Attest(Verdict::kUntrusted);
  ++resets_;
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted");
  EXPECT_FALSE(status_.failure);
}

TEST_F(RecoveryTest, AnotherBootIdAloneIsTheMachinesWordAndEndsNothing) {
  Attest(Verdict::kUntrusted);
  boot_id_ = "boot-2";
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Untrusted");
}

TEST_F(RecoveryTest, AFailureInTheNewBootStandsAgain) {
  Attest(Verdict::kUntrusted);
  ++resets_;
  Attest(Verdict::kUntrusted);
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Untrusted");
}

TEST_F(RecoveryTest, ChangedInputsEndIt) {
  Attest(Verdict::kUntrusted);
  inputs_ = "the policy was repaired";
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted");
}

TEST_F(RecoveryTest, WhatComesBetweenDoesNotMakeItForgetBootOrInputs) {
  Attest(Verdict::kUntrusted);
  Attest(Verdict::kUnknown);
  inputs_ = "broken policy";
  status_ = AfterStateChange(status_, Reason::kPolicyNotReady, "broken", At());
  inputs_ = "inputs";
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Untrusted") << "the same boot, judged with the same";
  Attest(Verdict::kUnknown);
  ++resets_;
  Attest(Verdict::kUnknown);
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted") << "the failure was of the boot before";
}

TEST_F(RecoveryTest, ForgedEvidenceIsOfTheBootThatNextShowsItself) {
  Attest(Verdict::kTrusted);
  ++resets_;
  Attest(Verdict::kUntrusted, false);  // says nothing about the boot
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Untrusted") << "a boot before the forgery is no new boot";
  ++resets_;
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted");
}

TEST_F(RecoveryTest, TheFailureIsWrittenOnceAndNotWithEveryRound) {
  Attest(Verdict::kUntrusted);
  const auto first = status_.failure;
  ASSERT_TRUE(first);
  EXPECT_EQ(first->reason, "PCRMismatch");
  Attest(Verdict::kUntrusted);
  EXPECT_EQ(status_.failure, first);
}

TEST_F(RecoveryTest, ANodeMadeAnewInheritsTheFailureThatItsTpmRemembers) {
  earlier_ = UnacknowledgedFailure{.time = kNow - seconds(600), .reason = "PCRMismatch"};
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Untrusted");
  EXPECT_EQ(Find(status_.conditions, "Trusted")->reason, "PCRMismatch");
  EXPECT_THAT(Message(), HasSubstr("earlier Node"));
  ++resets_;
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Untrusted") << "nothing tells which boot had failed";
  status_.failure.reset();  // acknowledged
  earlier_.reset();
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted");
}

TEST_F(RecoveryTest, AFailureThatTheTpmRemembersIsNotInheritedTwice) {
  earlier_ = UnacknowledgedFailure{.time = kNow - seconds(600), .reason = "PCRMismatch"};
  Attest(Verdict::kTrusted);
  status_.failure.reset();  // acknowledged; the identity still remembers
  status_.last_trusted_time = now_;
  Attest(Verdict::kTrusted);
  EXPECT_EQ(Summary(), "Trusted");
}

TEST_F(RecoveryTest, OfAnAuditPolicyNothingIsKept) {
  policies_ = PoliciesWith(policy::Recovery::kAcknowledged, policy::Mode::kAudit);
  Attest(Verdict::kUntrusted);
  EXPECT_FALSE(status_.failure);
}

TEST_F(RecoveryTest, TheFailureSurvivesTheApiServer) {
  NodeAttestation attestation;
  attestation.meta.name = "n";
  Attest(Verdict::kUntrusted);
  attestation.status = status_;
  const auto read = NodeAttestation::Parse(attestation.EncodeForStatusUpdate());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->status.failure, status_.failure);
}

}  // namespace
}  // namespace plimsoll::controller::record
