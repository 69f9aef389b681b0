#include "controller/enforce/marks.h"

#include <gtest/gtest.h>

#include <chrono>

namespace plimsoll::controller::enforce {
namespace {

using policy::TaintEffect;

constexpr WallTime kTime{std::chrono::seconds(1'795'507'200)};
const std::string kInputs = "inputs";

Taint Ours(const std::string& value, const std::string& effect) {
  return {.key = MarkNames().taint, .value = value, .effect = effect, .time_added = {}};
}

// One node in one state; the defaults are those of a node that was never Trusted.
struct Case {
  Case() {
    node.meta.name = "worker-1";
    node.meta.uid = "uid-1";
    status.node_uid = "uid-1";
    status.inputs = kInputs;
    policies.enforced = true;
    policies.taint_effect = TaintEffect::kNoSchedule;
  }

  Case& Verdict(const std::string& summary, const std::string& reason, bool was_trusted) {
    status.summary = summary;
    status.conditions = {{.type = "Trusted",
                          .status = summary == "Trusted"     ? ConditionStatus::kTrue
                                    : summary == "Untrusted" ? ConditionStatus::kFalse
                                                             : ConditionStatus::kUnknown,
                          .reason = reason,
                          .message = "why"}};
    if (was_trusted) {
      status.last_trusted_time = kTime;
    }
    return *this;
  }
  Case& Taints(std::vector<Taint> taints) {
    node.taints = std::move(taints);
    return *this;
  }
  Case& Effect(TaintEffect effect) {
    policies.taint_effect = effect;
    return *this;
  }

  DesiredMarks Marks() const {
    return DecideMarks({.status = status,
                        .node = node,
                        .policies = policies,
                        .inputs = kInputs,
                        .expired = expired,
                        .overdue = overdue,
                        .rejudging_failed = rejudging_failed},
                       MarkNames(), unmatched);
  }

  NodeAttestationStatus status;
  Node node;
  policies::NodePolicies policies;
  bool expired = false;
  bool overdue = false;
  bool rejudging_failed = false;
  UnmatchedNodes unmatched = UnmatchedNodes::kRelease;
};

Case NeverTrusted() { return Case().Verdict("Unknown", "IdentityPending", false); }
Case Trusted() { return Case().Verdict("Trusted", "AllPoliciesPassed", true); }
Case WasTrusted() { return Case().Verdict("Unknown", "EvidenceExpired", true); }
Case Untrusted() { return Case().Verdict("Untrusted", "PCRMismatch", true); }
Case NoPolicy(Case of) {
  of.policies.enforced = false;
  of.policies.taint_effect = TaintEffect::kNone;
  return of;
}

void ExpectMarks(const Case& of, Row row, const std::string& label, ConditionStatus condition,
                 const std::vector<Taint>& taints) {
  const DesiredMarks marks = of.Marks();
  EXPECT_EQ(ToString(marks.row), ToString(row));
  EXPECT_EQ(marks.label, label);
  EXPECT_EQ(marks.condition.status, condition);
  EXPECT_EQ(marks.condition.type, "plimsoll.dev/Trusted");
  EXPECT_FALSE(marks.condition.reason.empty());
  EXPECT_EQ(marks.taints, taints);
}

constexpr auto kTrue = ConditionStatus::kTrue;
constexpr auto kFalse = ConditionStatus::kFalse;
constexpr auto kUnknown = ConditionStatus::kUnknown;

TEST(StateTable, NeverTrusted_IsUnknownWithoutATaintWhileItIsYoung) {
  ExpectMarks(NeverTrusted(), Row::kNeverTrusted, "unknown", kUnknown, {});
}

TEST(StateTable, NeverTrusted_KeepsAStartupTaintAsItIsWhateverThePoliciesEffect) {
  const Taint startup = Ours("Pending", "NoExecute");
  for (const TaintEffect effect :
       {TaintEffect::kNone, TaintEffect::kPreferNoSchedule, TaintEffect::kNoSchedule}) {
    for (const bool overdue : {false, true}) {
      Case young = NeverTrusted().Taints({startup}).Effect(effect);
      young.overdue = overdue;
      ExpectMarks(young, Row::kNeverTrusted, "unknown", kUnknown, {startup});
    }
  }
}

TEST(StateTable, NeverTrusted_GetsTheTaintWhenItIsOverdue) {
  Case old = NeverTrusted();
  old.overdue = true;
  ExpectMarks(old, Row::kNeverTrusted, "unknown", kUnknown,
              {Ours("IdentityPending", "NoSchedule")});
  ExpectMarks(old.Effect(TaintEffect::kPreferNoSchedule), Row::kNeverTrusted, "unknown", kUnknown,
              {Ours("IdentityPending", "PreferNoSchedule")});
  ExpectMarks(old.Effect(TaintEffect::kNone), Row::kNeverTrusted, "unknown", kUnknown, {});
}

TEST(StateTable, NeverTrusted_HasAReasonEvenWithoutAnyStatus) {
  Case empty;
  empty.status = {};
  const DesiredMarks marks = empty.Marks();
  EXPECT_EQ(marks.row, Row::kNeverTrusted);
  EXPECT_EQ(marks.condition.reason, "NotEnrolled");
}

TEST(StateTable, Trusted_HasLabelAndConditionAndNoTaintOfOurs) {
  ExpectMarks(Trusted(), Row::kTrusted, "true", kTrue, {});
  ExpectMarks(Trusted().Taints({Ours("Pending", "NoSchedule"),
                                Ours("Pending", "NoExecute"),
                                {"other", "x", "NoSchedule", ""}}),
              Row::kTrusted, "true", kTrue, {});
}

TEST(StateTable, WasTrusted_IsUnknownAndGetsTheTaintWhenItIsOverdue) {
  ExpectMarks(WasTrusted(), Row::kWasTrusted, "unknown", kUnknown, {});
  Case silent = WasTrusted();
  silent.overdue = true;
  ExpectMarks(silent, Row::kWasTrusted, "unknown", kUnknown,
              {Ours("EvidenceExpired", "NoSchedule")});
  ExpectMarks(silent.Effect(TaintEffect::kNone), Row::kWasTrusted, "unknown", kUnknown, {});
}

TEST(StateTable, WasTrusted_KeepsATaintThatIsThereAlsoWhenNothingIsOverdue) {
  const Taint taint = Ours("EvidenceExpired", "NoSchedule");
  ExpectMarks(WasTrusted().Taints({taint}), Row::kWasTrusted, "unknown", kUnknown, {taint});
  // Another reason for being Unknown is no reason to touch it.
  ExpectMarks(Case().Verdict("Unknown", "TPMAbsent", true).Taints({taint}), Row::kWasTrusted,
              "unknown", kUnknown, {taint});
}

TEST(StateTable, WasTrusted_FollowsAnEffectThatChanges) {
  const Case of = WasTrusted().Taints({Ours("EvidenceExpired", "NoSchedule")});
  ExpectMarks(Case(of).Effect(TaintEffect::kPreferNoSchedule), Row::kWasTrusted, "unknown",
              kUnknown, {Ours("EvidenceExpired", "PreferNoSchedule")});
  ExpectMarks(Case(of).Effect(TaintEffect::kNone), Row::kWasTrusted, "unknown", kUnknown, {});
}

TEST(StateTable, Untrusted_IsMarkedAtOnce) {
  ExpectMarks(Untrusted(), Row::kUntrusted, "false", kFalse, {Ours("PCRMismatch", "NoSchedule")});
  ExpectMarks(Untrusted().Effect(TaintEffect::kPreferNoSchedule), Row::kUntrusted, "false", kFalse,
              {Ours("PCRMismatch", "PreferNoSchedule")});
  ExpectMarks(Untrusted().Effect(TaintEffect::kNone), Row::kUntrusted, "false", kFalse, {});
}

TEST(StateTable, Untrusted_ReplacesTheTaintOfAnotherReasonOrEffect) {
  ExpectMarks(Untrusted().Taints({Ours("EvidenceExpired", "NoSchedule")}), Row::kUntrusted, "false",
              kFalse, {Ours("PCRMismatch", "NoSchedule")});
  ExpectMarks(Untrusted()
                  .Taints({Ours("PCRMismatch", "NoSchedule")})
                  .Effect(TaintEffect::kPreferNoSchedule),
              Row::kUntrusted, "false", kFalse, {Ours("PCRMismatch", "PreferNoSchedule")});
  ExpectMarks(Untrusted().Taints({Ours("PCRMismatch", "NoSchedule")}).Effect(TaintEffect::kNone),
              Row::kUntrusted, "false", kFalse, {});
}

TEST(StateTable, Untrusted_NeverWeakensTheStartupTaintOfANodeThatWasNeverTrusted) {
  Case of =
      Case().Verdict("Untrusted", "SignatureInvalid", false).Taints({Ours("Pending", "NoExecute")});
  ExpectMarks(of, Row::kUntrusted, "false", kFalse, {Ours("SignatureInvalid", "NoExecute")});
  ExpectMarks(of.Effect(TaintEffect::kNone), Row::kUntrusted, "false", kFalse,
              {Ours("SignatureInvalid", "NoExecute")});
}

TEST(StateTable, Untrusted_StandsWhateverTheInputsOrTheAgeOfTheEvidence) {
  Case of = Untrusted();
  of.status.inputs = "others";
  of.expired = true;
  ExpectMarks(of, Row::kUntrusted, "false", kFalse, {Ours("PCRMismatch", "NoSchedule")});
}

TEST(StateTable, NoEnforcePolicy_ReleasesTheNodeInEveryState) {
  for (const Case& state : {NeverTrusted(), Trusted(), WasTrusted(), Untrusted()}) {
    const Case of = NoPolicy(Case(state).Taints({Ours("PCRMismatch", "NoSchedule")}));
    ExpectMarks(of, Row::kNoEnforcePolicy, "unknown", kUnknown, {});
    EXPECT_EQ(of.Marks().condition.reason, "NoEnforcingPolicy");
  }
}

TEST(StateTable, NoEnforcePolicy_HoldKeepsTheTaintOfANodeThatWasNeverTrustedOnly) {
  const Taint startup = Ours("Pending", "NoSchedule");
  Case never = NoPolicy(NeverTrusted().Taints({startup}));
  never.unmatched = UnmatchedNodes::kHold;
  ExpectMarks(never, Row::kNoEnforcePolicy, "unknown", kUnknown, {startup});
  Case was = NoPolicy(Untrusted().Taints({Ours("PCRMismatch", "NoSchedule")}));
  was.unmatched = UnmatchedNodes::kHold;
  ExpectMarks(was, Row::kNoEnforcePolicy, "unknown", kUnknown, {});
}

TEST(StateTable, E49_AStatusOfAnotherNodeUidCountsAsNeverTrusted) {
  for (const Case& state : {Trusted(), WasTrusted(), Untrusted()}) {
    Case of = state;
    of.node.meta.uid = "uid-2";
    ExpectMarks(of, Row::kNeverTrusted, "unknown", kUnknown, {});
    EXPECT_EQ(of.Marks().condition.reason, "NotEnrolled");
  }
}

TEST(StateTable, E53_TrustThatHasExpiredIsUnknownThoughTheStatusStillSaysTrusted) {
  Case of = Trusted();
  of.expired = true;
  ExpectMarks(of, Row::kWasTrusted, "unknown", kUnknown, {});
  EXPECT_EQ(of.Marks().condition.reason, "EvidenceExpired");
}

TEST(StateTable, TrustByOtherInputsIsNeitherSetNorTakenBeforeItIsJudgedAgain) {
  const Taint taint = Ours("EvidenceExpired", "NoSchedule");
  Case of = Trusted().Taints({taint});
  of.status.inputs = "others";
  EXPECT_EQ(of.Marks().row, Row::kRejudgeFirst);
  EXPECT_TRUE(of.Marks().label.empty());
  of.rejudging_failed = true;
  ExpectMarks(of, Row::kWasTrusted, "unknown", kUnknown, {taint});
  EXPECT_EQ(of.Marks().condition.reason, "ControllerStarting");
}

TEST(StateTable, NoCombinationButTrustedFreshWithOwnInputsUnderAnEnforcePolicyGivesTrue) {
  int trusted = 0;
  for (int bits = 0; bits < 128; ++bits) {
    const auto bit = [&](int n) { return (bits >> n & 1) != 0; };
    for (const char* summary : {"Trusted", "Untrusted", "Unknown", "trusted", ""}) {
      Case of = Case().Verdict(summary, "AllPoliciesPassed", bit(0));
      of.node.meta.uid = bit(1) ? "uid-1" : "uid-2";
      of.status.inputs = bit(2) ? kInputs : "others";
      of.policies.enforced = bit(3);
      of.expired = bit(4);
      of.overdue = bit(5);
      of.rejudging_failed = bit(6);
      const bool may = summary == std::string("Trusted") && bit(1) && bit(2) && bit(3) && !bit(4);
      EXPECT_EQ(of.Marks().label == "true", may) << bits << " " << summary;
      EXPECT_EQ(of.Marks().condition.status == kTrue, may) << bits << " " << summary;
      trusted += may ? 1 : 0;
    }
  }
  EXPECT_EQ(trusted, 8);
}

}  // namespace
}  // namespace plimsoll::controller::enforce
