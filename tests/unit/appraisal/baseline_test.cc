#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "appraisal/selection.h"
#include "unit/appraisal/findings.h"

// PCRs that are compared with what was recorded of the node (match: Unchanged, FirstUse), and what
// is said of a first use.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPolicy[] = "9c1f5e0a-0000-4000-8000-000000000001";
constexpr char kOtherPolicy[] = "9c1f5e0a-0000-4000-8000-000000000002";

class Baselines : public testing::Test {
 protected:
  static Json Policy(const std::string& match, Json identity = Json::object()) {
    Json policy = MeasuredNode::PcrPolicy({{{"bank", "sha256"}, {"index", 4}, {"match", match}}});
    policy["metadata"]["uid"] = kPolicy;
    policy["spec"]["identity"] = std::move(identity);
    return policy;
  }
  Appraisal Judge(const Json& policy) { return machine_.Judge(policy); }
  void Record(const Bytes& value, const std::string& policy = kPolicy,
              AlgorithmId bank = AlgorithmId::kSha256) {
    machine_.node.identity.baselines.push_back({policy, {{bank, 4, value}}});
  }
  Bytes Value() const { return machine_.node.tpm.Pcr(AlgorithmId::kSha256, 4); }

  MeasuredNode machine_;
};

TEST_F(Baselines, P01_AValueThatIsAsRecordedPassesAndAnotherFailsNamingBoth) {
  for (const char* match : {"Unchanged", "FirstUse"}) {
    SCOPED_TRACE(match);
    machine_.node.identity.baselines.clear();
    Record(Value());
    EXPECT_THAT(Judge(Policy(match)), IsTrusted());
    machine_.node.identity.baselines.clear();
    Record(Bytes(32, 0xBB));
    const Appraisal changed = Judge(Policy(match));
    EXPECT_THAT(changed, IsUntrusted(Reason::kPcrMismatch));
    const Finding finding = FindingBy(changed, "P1", Reason::kPcrMismatch);
    EXPECT_EQ(finding.observed, ToHex(Value()));
    EXPECT_EQ(finding.expected, std::string(64, 'b'));
    EXPECT_EQ(finding.pcr->index, 4U);
    EXPECT_THAT(changed.message, Not(HasSubstr(finding.expected))) << "not for an agent";
    EXPECT_THAT(changed.policies[0].outstanding.baseline, IsEmpty());
  }
}

TEST_F(Baselines, P01_WithNothingRecordedAnApprovedIdentityWaitsForTheControllerToRecord) {
  const Appraisal first = Judge(Policy("Unchanged"));
  EXPECT_THAT(first, IsUnknown(Reason::kEvidenceExpired));
  const Outstanding& outstanding = first.policies[0].outstanding;
  EXPECT_TRUE(outstanding.nothing_else);
  EXPECT_FALSE(outstanding.first_use);
  EXPECT_THAT(outstanding.baseline,
              ElementsAre(evidence::PcrValue{AlgorithmId::kSha256, 4, Value()}));
}

TEST_F(Baselines, P01_UnchangedNeedsAPersonEvenWhereACertificateAdmits) {
  machine_.node.identity.decision = Decision::kPending;
  machine_.node.identity.admissions = {{AdmissionRecord::By::kFirstUse, kPolicy}};
  const Json policy = Policy("Unchanged", {{"admission", "FirstUse"}});
  const Appraisal appraisal = Judge(policy);
  EXPECT_THAT(appraisal, IsUnknown(Reason::kIdentityPending));
  EXPECT_FALSE(appraisal.policies[0].identity) << "the identity itself is admitted";
  EXPECT_THAT(appraisal.policies[0].outstanding.baseline, IsEmpty());
  EXPECT_FALSE(appraisal.policies[0].outstanding.nothing_else);
}

TEST_F(Baselines, P01_NothingIsRecordedWhileSomethingElseFails) {
  Json policy = Policy("Unchanged");
  policy["spec"]["pcrs"].push_back(
      {{"bank", "sha256"}, {"index", 0}, {"anyOf", {std::string(64, 'b')}}});
  const Appraisal appraisal = Judge(policy);
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kPcrMismatch));
  EXPECT_FALSE(appraisal.policies[0].outstanding.nothing_else);
}

TEST_F(Baselines, P01_TheBaselineOfAnotherPolicyOrBankSaysNothing) {
  Record(Value(), kOtherPolicy);
  Record(machine_.node.tpm.Pcr(AlgorithmId::kSha1, 4), kPolicy, AlgorithmId::kSha1);
  EXPECT_THAT(Judge(Policy("Unchanged")), IsUnknown(Reason::kEvidenceExpired));
}

TEST_F(Baselines, P01_ARecordThatCannotBeReadIsNoRecordToBeMadeAnew) {
  Record(Bytes());
  const Appraisal appraisal = Judge(Policy("Unchanged"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kPcrMismatch));
  EXPECT_THAT(appraisal.policies[0].outstanding.baseline, IsEmpty());
}

TEST_F(Baselines, P01_APcrThatWasNotQuotedOrNeverExtendedIsNotRecorded) {
  machine_.node.selection = AttestedNode::Selection("sha256:0,1,2,3");
  EXPECT_THAT(Judge(Policy("FirstUse")), IsUnknown(Reason::kWrongBank));
  machine_.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4");
  machine_.node.tpm.SetPcr(AlgorithmId::kSha256, 4, Bytes(32));
  machine_.send_log = false;
  const Appraisal zero = Judge(Policy("FirstUse"));
  EXPECT_THAT(zero, IsUntrusted(Reason::kPcrMismatch));
  EXPECT_THAT(zero.policies[0].outstanding.baseline, IsEmpty());
}

class FirstUses : public Baselines {
 protected:
  FirstUses() {
    machine_.node.identity.decision = Decision::kPending;
    machine_.node.identity.admissions.clear();
  }
  static Json Admitting(Json first_use = Json::object()) {
    return Policy("FirstUse", {{"admission", "FirstUse"}, {"firstUse", std::move(first_use)}});
  }
  Outstanding OutstandingUnder(const Json& policy) {
    return Judge(policy).policies.at(0).outstanding;
  }
};

TEST_F(FirstUses, CountForTheirOwnPolicyAlone) {
  Record(Value());
  machine_.node.identity.admissions = {{AdmissionRecord::By::kFirstUse, kPolicy}};
  EXPECT_THAT(Judge(Admitting()), IsTrusted());
  machine_.node.identity.admissions = {{AdmissionRecord::By::kFirstUse, kOtherPolicy}};
  EXPECT_THAT(Judge(Admitting()), IsUnknown(Reason::kIdentityPending));
  machine_.node.identity.admissions = {{AdmissionRecord::By::kFirstUse, kPolicy}};
  EXPECT_THAT(Judge(Policy("FirstUse", {{"admission", "Approved"}})),
              IsUnknown(Reason::kIdentityPending))
      << "a policy that wants a person is not content with its own former first use";
  machine_.node.identity.decision = Decision::kDenied;
  EXPECT_THAT(Judge(Admitting()), IsUnknown(Reason::kIdentityDenied));
}

TEST_F(FirstUses, APolicyWithoutAUidAdmitsNobody) {
  Json policy = Admitting();
  policy["metadata"].erase("uid");
  machine_.node.identity.admissions = {{AdmissionRecord::By::kFirstUse, ""}};
  EXPECT_THAT(Judge(policy), IsUnknown(Reason::kIdentityPending));
}

TEST_F(FirstUses, AreOutstandingForAnIdentityThatNobodyHasDecidedAbout) {
  const Outstanding first = OutstandingUnder(Admitting());
  EXPECT_TRUE(first.first_use);
  EXPECT_TRUE(first.nothing_else);
  EXPECT_EQ(first.floor_problem, "");
  EXPECT_EQ(first.baseline.size(), 1U);
  for (const Decision decision : {Decision::kApproved, Decision::kDenied, Decision::kRevoked}) {
    machine_.node.identity.decision = decision;
    EXPECT_FALSE(OutstandingUnder(Admitting()).first_use);
  }
  machine_.node.identity.decision = Decision::kPending;
  Json profiles = Admitting();
  profiles["spec"]["identity"]["keyProfiles"] = {"p384"};  // the machine's key is a p256 one
  EXPECT_FALSE(OutstandingUnder(profiles).first_use);
}

TEST_F(FirstUses, TheFloorHoldsAllPcrsThatItsSetsList) {
  const auto list = [](uint32_t pcr, const std::string& digest) {
    return Json{{"bank", "sha256"}, {"index", pcr}, {"digests", {digest}}};
  };
  machine_.Publish(
      MeasuredNode::Set("floor", {{"pcrs", {list(0, machine_.Pcr(0)), list(7, machine_.Pcr(7))}}}));
  const Json policy = Admitting({{"referenceValueRefs", {"floor"}}});
  EXPECT_EQ(OutstandingUnder(policy).floor_problem, "");
  machine_.Publish(MeasuredNode::Set(
      "floor", {{"pcrs", {list(0, machine_.Pcr(0)), list(7, std::string(64, 'b'))}}}));
  EXPECT_THAT(OutstandingUnder(policy).floor_problem, HasSubstr("sha256 PCR 7"));
  machine_.Publish(MeasuredNode::Set("other", {{"pcrs", {list(7, machine_.Pcr(7))}}}));
  EXPECT_EQ(OutstandingUnder(Admitting({{"referenceValueRefs", {"floor", "other"}}})).floor_problem,
            "")
      << "one of the values that the sets list of a PCR";
  machine_.Publish(
      MeasuredNode::Set("other", {{"state", "Revoked"}, {"pcrs", {list(7, machine_.Pcr(7))}}}));
  EXPECT_THAT(
      OutstandingUnder(Admitting({{"referenceValueRefs", {"floor", "other"}}})).floor_problem,
      HasSubstr("revoked"));
  EXPECT_THAT(Judge(Admitting({{"referenceValueRefs", {"missing"}}})),
              IsUnknown(Reason::kPolicyNotReady));
}

TEST_F(FirstUses, ThePcrsOfTheFloorAreAskedFor) {
  machine_.Publish(MeasuredNode::Set(
      "floor",
      {{"pcrs", {{{"bank", "sha1"}, {"index", 17}, {"digests", {std::string(40, 'b')}}}}}}));
  const auto policy = machine_.Compile(Admitting({{"referenceValueRefs", {"floor"}}}));
  EXPECT_EQ(SelectPcrs({policy}, AttestedNode::Selection("sha1:0,17,18+sha256:0,4")).ToText(),
            "sha256:0,4+sha1:17");
}

}  // namespace
}  // namespace plimsoll::appraisal
