#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "appraisal/selection.h"
#include "unit/appraisal/findings.h"

// PCR values of reference sets: their state, their time, and tuples (Q17, P4).
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::MeasuredNode;
using testing::HasSubstr;

Json Value(uint32_t pcr, const std::string& digest, const std::string& bank = "sha256") {
  return {{"bank", bank}, {"index", pcr}, {"digests", {digest}}};
}

class ReferenceSets : public testing::Test {
 protected:
  void Publish(const std::string& name, Json pcrs, Json more = Json::object()) {
    more["pcrs"] = std::move(pcrs);
    machine_.Publish(MeasuredNode::Set(name, more));
  }

  // A policy of PCR 0 and 4 that accepts the values of these sets.
  Appraisal JudgeBy(const std::vector<std::string>& sets) {
    return machine_.Judge(MeasuredNode::PcrPolicy(
        {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", sets}},
         {{"bank", "sha256"}, {"index", 4}, {"referenceValueRefs", sets}}}));
  }

  std::string Good(uint32_t pcr) const { return machine_.Pcr(pcr); }
  static std::string Bad() { return std::string(64, 'b'); }

  MeasuredNode machine_;
};

TEST_F(ReferenceSets, Q17_ValuesOfDifferentSetsMayBeMixedUnlessTheyAreTuples) {
  Publish("one", {Value(0, Good(0)), Value(4, Bad())});
  Publish("two", {Value(0, Bad()), Value(4, Good(4))});
  EXPECT_THAT(JudgeBy({"one", "two"}), IsTrusted());
  Publish("two", {Value(0, Bad()), Value(4, Good(4))}, {{"consistency", "Tuple"}});
  const Appraisal appraisal = JudgeBy({"one", "two"});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kPcrMismatch));
  const Finding finding = FindingBy(appraisal, "Q17", Reason::kPcrMismatch);
  EXPECT_EQ(finding.pcr->index, 4U);
  EXPECT_EQ(finding.observed, Good(4));
  EXPECT_THAT(finding.message, HasSubstr("one of two, but not all PCRs of that set match"));
}

TEST_F(ReferenceSets, Q17_ATupleIsMatchedByAllPcrsOfItsSetEvenThoseThatNoRuleNames) {
  Publish("tuple", {Value(0, Good(0)), Value(4, Good(4)), Value(7, Good(7))},
          {{"consistency", "Tuple"}});
  EXPECT_THAT(JudgeBy({"tuple"}), IsTrusted());
  Publish("tuple", {Value(0, Good(0)), Value(4, Good(4)), Value(7, Bad())},
          {{"consistency", "Tuple"}});
  EXPECT_THAT(JudgeBy({"tuple"}), IsUntrusted(Reason::kPcrMismatch));
}

TEST_F(ReferenceSets, Q17_ATupleOfWhichAPcrWasNotQuotedIsWrongBankAndProvesNothing) {
  Publish("tuple", {Value(0, Good(0)), Value(4, Good(4)), Value(0, std::string(96, 'a'), "sha384")},
          {{"consistency", "Tuple"}});
  const Appraisal appraisal = JudgeBy({"tuple"});
  EXPECT_THAT(appraisal, IsUnknown(Reason::kWrongBank));
  EXPECT_THAT(FindingBy(appraisal, "Q17", Reason::kWrongBank).message, HasSubstr("tuple"));
}

TEST_F(ReferenceSets, Q17_ThePcrsOfATupleAreAskedFor) {
  Publish("tuple", {Value(0, Good(0)), Value(16, Good(4)), Value(17, std::string(40, 'a'), "sha1")},
          {{"consistency", "Tuple"}});
  const auto policy = machine_.Compile(MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"tuple"}}}}));
  ASSERT_EQ(policy->problem(), "");
  const tcg::PcrSelection asked =
      SelectPcrs({policy}, AttestedNode::Selection("sha1:0,16,17+sha256:0,1,16,17"));
  EXPECT_TRUE(asked.Contains(tcg::AlgorithmId::kSha256, 16));
  EXPECT_TRUE(asked.Contains(tcg::AlgorithmId::kSha1, 17));
  EXPECT_FALSE(asked.Contains(tcg::AlgorithmId::kSha1, 16));
}

TEST_F(ReferenceSets, Q17_ARevokedValueFailsEvenWhereAnotherSetOrThePolicyListsIt) {
  Publish("recalled", {Value(0, Good(0)), Value(4, Bad())}, {{"state", "Revoked"}});
  const Appraisal appraisal = JudgeBy({"machine", "recalled"});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kReferenceRevoked));
  const Finding finding = FindingBy(appraisal, "Q17", Reason::kReferenceRevoked);
  EXPECT_EQ(finding.closest, "recalled");
  EXPECT_EQ(finding.pcr->index, 0U);
  EXPECT_EQ(finding.observed, Good(0));
  EXPECT_THAT(machine_.Judge(MeasuredNode::PcrPolicy({{{"bank", "sha256"},
                                                       {"index", 0},
                                                       {"anyOf", {Good(0)}},
                                                       {"referenceValueRefs", {"recalled"}}}})),
              IsUntrusted(Reason::kReferenceRevoked));
}

TEST_F(ReferenceSets, Q17_ARevokedSetAcceptsNothingAndIsNotTheClosest) {
  Publish("recalled", {Value(0, Bad()), Value(4, Bad())}, {{"state", "Revoked"}});
  const Appraisal appraisal = JudgeBy({"recalled"});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kPcrMismatch));
  const Finding finding = FindingBy(appraisal, "Q17", Reason::kPcrMismatch);
  EXPECT_EQ(finding.expected, "");
  EXPECT_EQ(finding.closest, "");
  EXPECT_THAT(finding.message, HasSubstr("and no value is accepted"));
}

TEST_F(ReferenceSets, Q17_ADeprecatedSetMatchesWithARemark) {
  Publish("old", {Value(0, Good(0)), Value(4, Good(4))}, {{"state", "Deprecated"}});
  const Appraisal appraisal = JudgeBy({"old"});
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_EQ(FindingBy(appraisal, "Q17", std::nullopt).closest, "old");
}

TEST_F(ReferenceSets, Q17_ASetCountsFromNotBeforeToNotAfterInclusive) {
  const Json pcrs = {Value(0, Good(0)), Value(4, Good(4))};
  Publish("timed", pcrs,
          {{"notBefore", "2026-11-24T08:00:00Z"}, {"notAfter", "2026-11-24T08:00:00Z"}});
  EXPECT_THAT(JudgeBy({"timed"}), IsTrusted());
  Publish("timed", pcrs, {{"notBefore", "2026-11-24T08:00:01Z"}});
  const Appraisal early = JudgeBy({"timed"});
  EXPECT_THAT(early, IsUntrusted(Reason::kPcrMismatch));
  EXPECT_THAT(FindingBy(early, "Q17", Reason::kPcrMismatch).message,
              HasSubstr("one of timed, which is outside of its time"));
  Publish("timed", pcrs, {{"notAfter", "2026-11-24T07:59:59Z"}});
  EXPECT_THAT(JudgeBy({"timed"}), IsUntrusted(Reason::kPcrMismatch));
}

TEST_F(ReferenceSets, Q17_ASetThatCountsAndOneThatDoesNotAreJudgedApart) {
  const Json pcrs = {Value(0, Good(0)), Value(4, Good(4))};
  Publish("late", pcrs, {{"notAfter", "2026-11-24T07:59:59Z"}});
  EXPECT_THAT(JudgeBy({"late", "machine"}), IsTrusted());
}

TEST_F(ReferenceSets, P04_TheFirstAcceptedValueIsTheClosest) {
  Publish("recalled", {Value(0, std::string(64, 'a')), Value(4, Good(4))}, {{"state", "Revoked"}});
  Publish("one", {Value(0, Bad()), Value(4, Good(4))});
  const Appraisal appraisal = machine_.Judge(MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"recalled", "one"}}}}));
  const Finding finding = FindingBy(appraisal, "Q17", Reason::kPcrMismatch);
  EXPECT_EQ(finding.expected, Bad());
  EXPECT_EQ(finding.closest, "one");
  EXPECT_THAT(finding.message, HasSubstr("which is not the accepted value " + Bad() + " of one"));
}

// Order of the table, not of the policy.
TEST_F(ReferenceSets, TheFirstReasonInTableOrderIsGiven) {
  machine_.log.AddGrubFile("/evil", "evil");
  machine_.Measure();
  Json policy = MeasuredNode::FullPolicy();
  policy["spec"]["boot"]["kernelCommandLine"]["mustContain"] = {"lockdown"};
  policy["spec"]["runtime"]["ima"]["exclude"] = Json::array();
  const Appraisal component = machine_.Judge(policy);
  EXPECT_THAT(component, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_TRUE(HasFinding(component, "B7", Reason::kCommandLineRejected));
  policy["spec"]["pcrs"].push_back(
      {{"bank", "sha256"}, {"index", 3}, {"anyOf", {std::string(64, 'a')}}});
  EXPECT_THAT(machine_.Judge(policy), IsUntrusted(Reason::kPcrMismatch));
}

TEST_F(ReferenceSets, WhatIsWrongOutranksWhatIsOnlyNotKnown) {
  machine_.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12");
  Json policy = MeasuredNode::FullPolicy();
  policy["spec"]["pcrs"].push_back(
      {{"bank", "sha384"}, {"index", 3}, {"anyOf", {std::string(96, 'a')}}});
  EXPECT_THAT(machine_.Judge(policy), IsUnknown(Reason::kWrongBank));
  policy["spec"]["boot"]["kernelCommandLine"]["mustContain"] = {"lockdown"};
  const Appraisal appraisal = machine_.Judge(policy);
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_TRUE(HasFinding(appraisal, "Q17", Reason::kWrongBank));
}

}  // namespace
}  // namespace plimsoll::appraisal
