#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

// The rules of policies: step 8's share, the PCR part of step 10, and the identity.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::KeyTemplate;
using tcg::AlgorithmId;
using testing::HasSubstr;
using testing::Not;

class PolicyChecks : public testing::Test {
 protected:
  Appraisal JudgeUnder(const std::string& policy) {
    auto appraisal =
        Appraise(node_.Evidence(), node_.Expectation(), {AttestedNode::Apply(policy)}, node_.now);
    return appraisal ? *appraisal : Appraisal{};
  }

  AttestedNode node_{KeyTemplate::AkP256()};
};

TEST_F(PolicyChecks, Q09_AnUnexplainedResetIsReportedOrRejectedAsThePolicySays) {
  RecordedClock recorded;
  recorded.epoch = {6, 0, node_.statement.boot_id};
  node_.recorded = recorded;
  const Appraisal reported = JudgeUnder(node_.PolicyJson());
  EXPECT_THAT(reported, IsTrusted());
  ASSERT_EQ(reported.policies[0].findings.size(), 1U);
  EXPECT_EQ(reported.policies[0].findings[0].check, "Q9");
  EXPECT_THAT(JudgeUnder(node_.PolicyJson("Enforce", R"("tpm":{"unexplainedReset":"Reject"},)")),
              IsUntrusted(Reason::kUnexplainedReset));
}

TEST_F(PolicyChecks, Q10_AnUnsafeClockFailsOnlyWhereThePolicyRequiresASafeOne) {
  const std::string strict = node_.PolicyJson("Enforce", R"("tpm":{"clockSafe":"Require"},)");
  EXPECT_THAT(JudgeUnder(strict), IsTrusted());
  node_.tpm.clock.safe = false;
  EXPECT_THAT(JudgeUnder(node_.PolicyJson()), IsTrusted());
  EXPECT_THAT(JudgeUnder(strict), IsUntrusted(Reason::kClockUnsafe));
}

TEST_F(PolicyChecks, Q11_FirmwareBelowTheFloorOfItsManufacturerFails) {
  const auto floor = [this](const std::string& maker, const std::string& version) {
    return node_.PolicyJson("Enforce", R"("tpm":{"firmwareFloor":[{"manufacturer":")" + maker +
                                           R"(","version":")" + version + R"("}]},)");
  };
  node_.tpm.firmware_version = 0x000F'0017'0000'0001;  // 15.23.0.1
  EXPECT_THAT(JudgeUnder(floor("IBM", "15.23.0.1")), IsTrusted());
  EXPECT_THAT(JudgeUnder(floor("IBM", "15.23.0.2")), IsUntrusted(Reason::kFirmwareRejected));
  EXPECT_THAT(JudgeUnder(floor("IBM", "16.0.0.0")), IsUntrusted(Reason::kFirmwareRejected));
  EXPECT_THAT(JudgeUnder(floor("IFX", "16.0.0.0")), IsTrusted()) << "another maker's floor";

  node_.identity.manufacturer.clear();
  const Appraisal unknown = JudgeUnder(floor("IBM", "16.0.0.0"));
  EXPECT_THAT(unknown, IsTrusted());
  ASSERT_EQ(unknown.policies[0].findings.size(), 1U) << "a remark says that it was not judged";
}

TEST_F(PolicyChecks, Q17_APcrThatHoldsNoAcceptedValueIsUntrusted) {
  const std::string policy = node_.PolicyJson();
  node_.tpm.Extend(AlgorithmId::kSha256, 4, Bytes(32, 0xEE));
  const Appraisal appraisal = JudgeUnder(policy);
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kPcrMismatch));
  ASSERT_EQ(appraisal.policies[0].findings.size(), 1U);
  const Finding& finding = appraisal.policies[0].findings[0];
  EXPECT_EQ(finding.pcr->index, 4U);
  EXPECT_EQ(finding.observed, ToHex(node_.tpm.Pcr(AlgorithmId::kSha256, 4)));
  EXPECT_THAT(finding.message, HasSubstr(finding.observed));
  EXPECT_THAT(finding.message, HasSubstr(finding.expected));

  EXPECT_THAT(appraisal.message, HasSubstr("sha256 PCR 4"));
  EXPECT_THAT(appraisal.message, Not(HasSubstr(finding.expected))) << "agents read this";
  EXPECT_TRUE(appraisal.facts.has_value()) << "the evidence was genuine: its facts are known";
  EXPECT_TRUE(appraisal.clock.has_value());
}

TEST_F(PolicyChecks, Q17_AnyOfTheListedValuesIsAccepted) {
  const std::string value = ToHex(node_.tpm.Pcr(AlgorithmId::kSha256, 0));
  EXPECT_THAT(JudgeUnder(R"({"metadata":{"name":"two"},"spec":{"mode":"Enforce","nodeSelector":{},)"
                         R"("pcrs":[{"bank":"sha256","index":0,"anyOf":[")" +
                         std::string(64, 'a') + R"(",")" + value + R"("]}]}})"),
              IsTrusted());
}

TEST_F(PolicyChecks, Q17_APcrThatWasNeverExtendedFailsUnlessThatValueIsListed) {
  node_.tpm.SetPcr(AlgorithmId::kSha256, 0, Bytes(32));
  const auto policy = [](const std::string& value) {
    return R"({"metadata":{"name":"zero"},"spec":{"mode":"Enforce","nodeSelector":{},)"
           R"("pcrs":[{"bank":"sha256","index":0,"anyOf":[")" +
           value + R"("]}]}})";
  };
  EXPECT_THAT(JudgeUnder(policy(std::string(64, 'a'))), IsUntrusted(Reason::kPcrMismatch));
  EXPECT_THAT(JudgeUnder(policy(std::string(64, '0'))), IsTrusted());
}

TEST_F(PolicyChecks, Q17_APcrThatWasNotQuotedIsWrongBank) {
  EXPECT_THAT(JudgeUnder(node_.PolicyJson("Enforce", "", AlgorithmId::kSha384)),
              IsUnknown(Reason::kWrongBank));
}

TEST_F(PolicyChecks, Q17_AMismatchOutranksAMissingBank) {
  const std::string good = node_.PolicyJson("Enforce", "", AlgorithmId::kSha384);
  const std::string bad = node_.PolicyJson();
  node_.tpm.Extend(AlgorithmId::kSha256, 0, Bytes(32));
  const auto appraisal = Appraise(node_.Evidence(), node_.Expectation(),
                                  {AttestedNode::Apply(good), AttestedNode::Apply(bad)}, node_.now);
  EXPECT_THAT(*appraisal, IsUntrusted(Reason::kPcrMismatch));
}

TEST_F(PolicyChecks, M05_AnIdentityThatNobodyAdmittedStaysPendingWhateverItMeasures) {
  node_.identity.decision = Decision::kPending;
  node_.identity.admissions.clear();
  EXPECT_THAT(JudgeUnder(node_.PolicyJson()), IsUnknown(Reason::kIdentityPending));

  const std::string policy = node_.PolicyJson();
  node_.tpm.Extend(AlgorithmId::kSha256, 0, Bytes(32));
  const Appraisal appraisal = JudgeUnder(policy);
  EXPECT_THAT(appraisal, IsUnknown(Reason::kIdentityPending));
  EXPECT_EQ(appraisal.policies[0].outcome, PolicyOutcome::kFail) << "shown, but decides nothing";
  EXPECT_EQ(appraisal.policies[0].reason, Reason::kPcrMismatch);
}

TEST_F(PolicyChecks, M05_AnApprovalCountsWithItsRecordOnly) {
  node_.identity.admissions.clear();
  EXPECT_THAT(JudgeUnder(node_.PolicyJson()), IsUnknown(Reason::kIdentityPending))
      << "admissions were removed: a person must approve again";
  node_.identity.admissions = {{AdmissionRecord::By::kHuman, "1"}};
  node_.identity.decision = Decision::kPending;
  EXPECT_THAT(JudgeUnder(node_.PolicyJson()), IsUnknown(Reason::kIdentityPending))
      << "the approval was withdrawn";
}

TEST_F(PolicyChecks, M05_DeniedAndRevokedIdentitiesAreDenied) {
  for (const Decision decision : {Decision::kDenied, Decision::kRevoked}) {
    node_.identity.decision = decision;
    EXPECT_THAT(JudgeUnder(node_.PolicyJson()), IsUnknown(Reason::kIdentityDenied));
  }
}

TEST_F(PolicyChecks, M05_ACertificateCountsOnlyByAnAuthorityThatThePolicyNames) {
  auto spec = policy::AttestationPolicy::Parse(node_.PolicyJson(
      "Enforce",
      R"("identity":{"admission":"EndorsementCertificate","endorsementAuthorityRefs":["vendors"]},)"));
  ASSERT_TRUE(spec.has_value());
  policy::Authorities authorities{
      {"vendors", std::make_shared<const policy::EndorsementAuthority>()}};
  const AppliedPolicy by_certificate{
      std::make_shared<const policy::CompiledPolicy>(
          policy::CompiledPolicy::Compile(*spec, {.authorities = authorities})),
      std::nullopt};
  const AppliedPolicy by_person = AttestedNode::Apply(node_.PolicyJson());
  const auto judge = [this](const AppliedPolicy& policy) {
    return *Appraise(node_.Evidence(), node_.Expectation(), {policy}, node_.now);
  };
  EXPECT_THAT(judge(by_certificate), IsTrusted()) << "a person's approval counts too";

  node_.identity.decision = Decision::kPending;
  node_.identity.admissions = {{AdmissionRecord::By::kEndorsementCertificate, "vendors"}};
  EXPECT_THAT(judge(by_certificate), IsTrusted());
  EXPECT_THAT(judge(by_person), IsUnknown(Reason::kIdentityPending));
  node_.identity.admissions[0].ref = "others";
  EXPECT_THAT(judge(by_certificate), IsUnknown(Reason::kIdentityPending));
}

TEST_F(PolicyChecks, M05_AKeyProfileThatThePolicyDoesNotListIsPending) {
  EXPECT_THAT(JudgeUnder(node_.PolicyJson("Enforce", R"("identity":{"keyProfiles":["p384"]},)")),
              IsUnknown(Reason::kIdentityPending));
  EXPECT_THAT(JudgeUnder(node_.PolicyJson("Enforce", R"("identity":{"keyProfiles":["p256"]},)")),
              IsTrusted());
}

}  // namespace
}  // namespace plimsoll::appraisal
