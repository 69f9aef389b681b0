#include "controller/record/transition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/stored_facts.h"
#include "policy/compiled_policy.h"

namespace plimsoll::controller::record {
namespace {

using appraisal::Reason;
using appraisal::Verdict;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

const WallTime kNow{seconds(1'795'507'200)};
constexpr char kNode[] = "11111111-1111-1111-1111-111111111111";
constexpr char kOtherNode[] = "22222222-2222-2222-2222-222222222222";

std::shared_ptr<const policy::CompiledPolicy> Policy(policy::Mode mode, int64_t generation = 1) {
  policy::AttestationPolicy spec;
  spec.meta = {
      .name = "measured-boot", .uid = "p1", .generation = generation, .resource_version = "1"};
  spec.mode = mode;
  spec.freshness = {.interval = seconds(300), .expire = seconds(900)};
  policy::PcrRule rule;
  rule.index = 4;
  rule.any_of = {Bytes(32, 0xaa)};
  spec.pcrs.push_back(std::move(rule));
  return std::make_shared<const policy::CompiledPolicy>(
      policy::CompiledPolicy::Compile(std::move(spec), {}));
}

policies::NodePolicies Enforced(policy::Mode mode = policy::Mode::kEnforce,
                                int64_t generation = 1) {
  policies::NodePolicies policies;
  policies.policies.push_back(Policy(mode, generation));
  policies.enforced = mode != policy::Mode::kAudit;
  policies.interval = seconds(300);
  policies.expire = seconds(900);
  return policies;
}

policies::NodePolicies None() {
  policies::NodePolicies policies;
  policies.interval = seconds(300);
  policies.expire = seconds(900);
  return policies;
}

appraisal::Facts GoodFacts() {
  appraisal::Facts facts;
  facts.pcrs.push_back({.bank = tcg::AlgorithmId::kSha256, .index = 4, .digest = Bytes(32, 0xaa)});
  facts.clock = tcg::ClockInfo{.clock = 1000, .reset_count = 3, .restart_count = 0, .safe = true};
  facts.firmware = policy::FirmwareVersion{0x000f001700000000};
  facts.boot_id = "boot-1";
  return facts;
}

appraisal::Appraisal Judged(Verdict verdict, Reason reason, bool facts = true) {
  appraisal::Appraisal appraisal;
  appraisal.verdict = verdict;
  appraisal.reason = reason;
  appraisal.message = "because";
  if (facts) {
    appraisal.facts = GoodFacts();
  }
  appraisal::PolicyResult result;
  result.name = "measured-boot";
  result.uid = "p1";
  result.generation = 1;
  result.mode = policy::Mode::kEnforce;
  result.outcome = verdict == Verdict::kTrusted     ? appraisal::PolicyOutcome::kPass
                   : verdict == Verdict::kUntrusted ? appraisal::PolicyOutcome::kFail
                                                    : appraisal::PolicyOutcome::kUnknown;
  result.reason = reason;
  appraisal.policies.push_back(result);
  return appraisal;
}

struct Case {
  policies::NodePolicies policies = Enforced();
  WallTime now = kNow;
  std::string node_uid = kNode;
  Surroundings At() const {
    return {.node_uid = node_uid, .policies = policies, .inputs = "inputs", .now = now};
  }
};

NodeAttestationStatus Trusted(const Case& c = {}) {
  return AfterAppraisal({}, Judged(Verdict::kTrusted, Reason::kAllPoliciesPassed), "ek-1", c.At());
}

NodeAttestationStatus Untrusted(const Case& c = {}) {
  return AfterAppraisal(Trusted(c), Judged(Verdict::kUntrusted, Reason::kPcrMismatch), "ek-1",
                        c.At());
}

const Condition& TrustedCondition(const NodeAttestationStatus& status) {
  return *Find(status.conditions, "Trusted");
}

TEST(Transition, AGoodAppraisalMakesTrustedAndStoresWhatItProved) {
  const NodeAttestationStatus status = Trusted();
  EXPECT_EQ(status.summary, "Trusted");
  EXPECT_EQ(TrustedCondition(status).status, ConditionStatus::kTrue);
  EXPECT_EQ(TrustedCondition(status).reason, "AllPoliciesPassed");
  EXPECT_EQ(status.last_verified_time, kNow);
  EXPECT_EQ(status.last_trusted_time, kNow);
  EXPECT_EQ(status.expiration_time, kNow + seconds(900));
  EXPECT_EQ(status.inputs, "inputs");
  ASSERT_EQ(status.pcrs.size(), 1U);
  EXPECT_EQ(status.pcrs[0].result, "Pass");
  EXPECT_EQ(status.clock->firmware_version, "15.23.0.0");
  EXPECT_EQ(status.policies[0].result, "Pass");
}

TEST(Transition, UntrustedNamesThePolicyThatFailed) {
  const NodeAttestationStatus status = Untrusted();
  EXPECT_EQ(status.summary, "Untrusted");
  EXPECT_EQ(TrustedCondition(status).reason, "PCRMismatch");
  EXPECT_EQ(status.failed_policies, "measured-boot");
  EXPECT_EQ(status.consecutive_failures, 1);
  ASSERT_EQ(status.transitions.size(), 2U);
  EXPECT_EQ(status.transitions[1].from, "Trusted");
  EXPECT_EQ(status.transitions[1].to, "Untrusted");
}

// R4, E56: every way that is no proof of the contrary leaves Untrusted as it is.
TEST(Transition, R4_UntrustedSticksThroughEverythingThatIsUnknown) {
  const Case c;
  for (const Reason reason :
       {Reason::kEvidenceExpired, Reason::kTpmAbsent, Reason::kTpmError, Reason::kNotEnrolled,
        Reason::kIdentityPending, Reason::kIdentityDenied, Reason::kPolicyNotReady,
        Reason::kControllerStarting}) {
    const NodeAttestationStatus after = AfterStateChange(Untrusted(), reason, "news", c.At());
    EXPECT_EQ(after.summary, "Untrusted") << appraisal::ToString(reason);
    EXPECT_EQ(TrustedCondition(after).status, ConditionStatus::kFalse)
        << appraisal::ToString(reason);
    EXPECT_EQ(TrustedCondition(after).reason, "PCRMismatch") << appraisal::ToString(reason);
    EXPECT_THAT(TrustedCondition(after).message,
                HasSubstr(std::string(appraisal::ToString(reason))));
    EXPECT_EQ(after.failed_policies, "measured-boot") << "what proved it stays readable";
  }
  for (const Reason reason : {Reason::kWrongBank, Reason::kEventLogMissing, Reason::kPolicyNotReady,
                              Reason::kIdentityPending}) {
    const NodeAttestationStatus after =
        AfterAppraisal(Untrusted(), Judged(Verdict::kUnknown, reason), "ek-1", c.At());
    EXPECT_EQ(after.summary, "Untrusted") << appraisal::ToString(reason);
    EXPECT_EQ(TrustedCondition(after).reason, "PCRMismatch") << appraisal::ToString(reason);
  }
}

TEST(Transition, TheMessageOfAStickingVerdictDoesNotGrow) {
  const Case c;
  NodeAttestationStatus status = Untrusted();
  for (int i = 0; i < 5; ++i) {
    status = AfterStateChange(status, Reason::kTpmError, "no answer", c.At());
  }
  EXPECT_EQ(TrustedCondition(status).message, "because; since then: TPMError: no answer");
}

TEST(Transition, OnlyATrustedAppraisalOrNoEnforcePolicyEndsUntrusted) {
  Case c;
  EXPECT_EQ(AfterAppraisal(Untrusted(), Judged(Verdict::kTrusted, Reason::kAllPoliciesPassed),
                           "ek-1", c.At())
                .summary,
            "Trusted");
  c.policies = None();
  const NodeAttestationStatus released =
      AfterStateChange(Untrusted(), Reason::kNoEnforcingPolicy, "none", c.At());
  EXPECT_EQ(released.summary, "Unknown");
  EXPECT_EQ(TrustedCondition(released).reason, "NoEnforcingPolicy");
  EXPECT_TRUE(released.failed_policies.empty());
}

TEST(Transition, N3_AStatusOfAnotherNodeUidCountsAsNone) {
  Case c;
  c.node_uid = kOtherNode;
  const NodeAttestationStatus after =
      AfterStateChange(Untrusted(), Reason::kNotEnrolled, "new node", c.At());
  EXPECT_EQ(after.summary, "Unknown") << "Untrusted was another Node's";
  EXPECT_FALSE(after.last_trusted_time);
  EXPECT_TRUE(after.pcrs.empty());
  EXPECT_EQ(after.node_uid, kOtherNode);
}

TEST(Transition, S8_RejectedEvidenceChangesTheStateAndKeepsTheLastProvenFacts) {
  Case c;
  c.now = kNow + seconds(10);
  const NodeAttestationStatus after = AfterAppraisal(
      Trusted(), Judged(Verdict::kUntrusted, Reason::kSignatureInvalid, false), "ek-1", c.At());
  EXPECT_EQ(after.summary, "Untrusted");
  EXPECT_EQ(after.last_verified_time, kNow);
  EXPECT_EQ(Find(after.conditions, "EvidenceFresh")->status, ConditionStatus::kFalse);
  EXPECT_FALSE(MayRejudge(after, kNode, c.now))
      << "a forged quote is not forgiven for the good one before it";
}

TEST(Transition, WithoutAnEnforcePolicyANodeIsUnknownWhateverItsEvidenceWas) {
  Case c;
  c.policies = None();
  const NodeAttestationStatus after = AfterAppraisal(
      {}, Judged(Verdict::kUntrusted, Reason::kSignatureInvalid, false), "ek-1", c.At());
  EXPECT_EQ(after.summary, "Unknown");
  EXPECT_EQ(TrustedCondition(after).reason, "NoEnforcingPolicy");
  EXPECT_EQ(Find(after.conditions, "EvidenceFresh")->reason, "SignatureInvalid");
  EXPECT_EQ(AfterStateChange({}, Reason::kNotEnrolled, "no key", c.At()).summary, "Unknown");
}

TEST(Transition, StoredFactsAreThoseThatWereProven) {
  const auto facts = api::StoredFacts(Trusted());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->pcrs, GoodFacts().pcrs);
  EXPECT_EQ(facts->clock, GoodFacts().clock);
  EXPECT_EQ(facts->firmware, GoodFacts().firmware);
}

TEST(Transition, StoredFactsOfTheWrongLengthAreRefused) {
  NodeAttestationStatus status = Trusted();
  status.pcrs[0].digest = "aabb";
  EXPECT_FALSE(api::StoredFacts(status));
  status.pcrs[0].digest = std::string(64, 'A');
  EXPECT_FALSE(api::StoredFacts(status));
}

TEST(Transition, AnUnexplainedResetIsRememberedForJudgingAgain) {
  Case c;
  appraisal::Appraisal appraisal = Judged(Verdict::kUntrusted, Reason::kUnexplainedReset);
  appraisal.facts->unexplained_reset = true;
  EXPECT_TRUE(api::StoredFacts(AfterAppraisal({}, appraisal, "ek-1", c.At()))->unexplained_reset);
}

TEST(Transition, P3_RejudgingNeverLastsLongerThanTheEvidenceBehindIt) {
  Case c;
  c.now = kNow + seconds(600);
  const NodeAttestationStatus before = Trusted();
  ASSERT_TRUE(MayRejudge(before, kNode, c.now));
  EXPECT_FALSE(MayRejudge(before, kNode, kNow + seconds(900)));
  EXPECT_FALSE(MayRejudge(before, kOtherNode, c.now));
  appraisal::Judgement judgement;
  judgement.verdict = Verdict::kTrusted;
  judgement.reason = Reason::kAllPoliciesPassed;
  const NodeAttestationStatus after = AfterRejudgement(before, judgement, c.At());
  EXPECT_EQ(after.expiration_time, kNow + seconds(900));
  EXPECT_EQ(after.last_trusted_time, kNow)
      << "trust counts from the evidence, not from the judging";
}

TEST(Transition, P3_WhoSeesAnOlderPolicyKnowsIt) {
  NodeAttestationStatus status = Trusted();
  status.policies[0].observed_generation = 2;
  EXPECT_TRUE(JudgedWithNewerInputs(status, Enforced(policy::Mode::kEnforce, 1)));
  EXPECT_FALSE(JudgedWithNewerInputs(status, Enforced(policy::Mode::kEnforce, 2)));
}

TEST(Transition, ASuspendedPolicyKeepsItsResultFromWhenItWasJudgedUntilItExpires) {
  const NodeAttestationStatus status = Trusted();
  const policies::NodePolicies suspended = Enforced(policy::Mode::kSuspended);
  ASSERT_TRUE(Applied(suspended, status, kNow + seconds(899))[0].last);
  EXPECT_EQ(Applied(suspended, status, kNow + seconds(899))[0].last->outcome,
            appraisal::PolicyOutcome::kPass);
  EXPECT_FALSE(Applied(suspended, status, kNow + seconds(900))[0].last);

  // New evidence while it is suspended does not make the old result younger.
  Case c;
  c.policies = suspended;
  c.now = kNow + seconds(300);
  appraisal::Appraisal appraisal = Judged(Verdict::kTrusted, Reason::kAllPoliciesPassed);
  appraisal.policies[0].stands = true;
  EXPECT_EQ(AfterAppraisal(status, appraisal, "ek-1", c.At()).policies[0].judged_time, kNow);
}

TEST(Transition, OnlyTheLastTenTransitionsAreKept) {
  const Case c;
  NodeAttestationStatus status;
  for (int i = 0; i < 12; ++i) {
    status = AfterAppraisal(status,
                            Judged(i % 2 == 0 ? Verdict::kTrusted : Verdict::kUntrusted,
                                   i % 2 == 0 ? Reason::kAllPoliciesPassed : Reason::kPcrMismatch),
                            "ek-1", c.At());
  }
  EXPECT_EQ(status.transitions.size(), 10U);
}

TEST(Transition, IdentityFactsTakeAManufacturerOnlyFromAJudgedCertificateOrAnApprovedTpm) {
  TpmIdentity identity;
  identity.status.endorsement.manufacturer = "IFX";
  identity.status.tpm.manufacturer = "NTC";
  EXPECT_EQ(api::IdentityFactsOf(identity).manufacturer, "");
  identity.status.endorsement.authority = "vendors";
  EXPECT_EQ(api::IdentityFactsOf(identity).manufacturer, "IFX");
  identity.status.endorsement = {};
  identity.decision = Decision::kApproved;
  EXPECT_EQ(api::IdentityFactsOf(identity).manufacturer, "NTC");
}

}  // namespace
}  // namespace plimsoll::controller::record
