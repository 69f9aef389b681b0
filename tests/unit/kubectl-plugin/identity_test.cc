#include "fakes/software_ca.h"
#include "unit/kubectl-plugin/plugin_test.h"

// What can be judged of an identity without a cluster: the endorsement that a bundle holds, by the
// authorities that the policy files hold.
namespace plimsoll::plugin {
namespace {

using fakes::CertificateFields;
using fakes::KeyTemplate;
using fakes::MeasuredNode;
using fakes::SoftwareCa;
using fakes::SoftwareKey;
using testing::HasSubstr;

const SoftwareKey& Ek() {
  static const SoftwareKey key(KeyTemplate::EkP256());
  return key;
}
const SoftwareKey& OtherEk() {
  static const SoftwareKey key(KeyTemplate::EkP256());
  return key;
}
const SoftwareCa& Root() {
  static const SoftwareCa root(CertificateFields::Ca("root"));
  return root;
}

class OfflineIdentity : public PluginTest {
 protected:
  OfflineIdentity() {
    endorsement_.public_area = Ek().MarshalPublic();
    endorsement_.certificate = Root().Issue(Endorsement(), Ek());
    policy_ = Object("AttestationPolicy",
                     MeasuredNode::PcrPolicy(
                         {{{"bank", "sha256"}, {"index", 0}, {"anyOf", {machine_.Pcr(0)}}}}));
    policy_["spec"]["identity"] = {{"admission", "EndorsementCertificate"},
                                   {"endorsementAuthorityRefs", {"vendors"}}};
  }

  static CertificateFields Endorsement() {
    return CertificateFields::Endorsement(tcg::AlgorithmId::kEcc);
  }

  static Json Authority(const std::string& name, const std::string& pem) {
    return Object("EndorsementAuthority",
                  {{"metadata", {{"name", name}}}, {"spec", {{"bundles", {{{"inline", pem}}}}}}});
  }

  // verify with this endorsement (none: a bundle without one) under the policy and these objects.
  Result Judge(const std::optional<evidence::BundleEndorsement>& endorsement,
               std::vector<Json> objects) {
    evidence::BundleFrame frame = FrameOf(machine_);
    frame.endorsement = endorsement;
    const std::string bundle =
        Write("bundle.json", evidence::EncodeBundle(frame, machine_.Evidence()));
    objects.push_back(policy_);
    return Verify(bundle, {WriteObjects("policy.yaml", objects)});
  }
  Result Judge() { return Judge(endorsement_, {Authority("vendors", Root().Pem())}); }

  void ExpectUnknown(const Result& result, const std::string& reason, const std::string& message) {
    EXPECT_EQ(result.code, kExitUnknown) << result.out << result.err;
    EXPECT_EQ(result.json()["reason"], reason);
    EXPECT_THAT(result.json()["message"].get<std::string>(), HasSubstr(message));
  }

  static bool HasRemark(const Result& result, const std::string& text) {
    const Json json = result.json();
    for (const Json& finding : json["findings"]) {
      if (finding["reason"].is_null() &&
          finding["message"].get<std::string>().find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

  MeasuredNode machine_;
  evidence::BundleEndorsement endorsement_;
  Json policy_;
};

TEST_F(OfflineIdentity, ACertificateOfAGivenAuthorityAdmits) {
  const Result result = Judge();
  EXPECT_EQ(result.code, kExitTrusted) << result.out << result.err;
  EXPECT_TRUE(result.json()["findings"].empty());
}

TEST_F(OfflineIdentity, ACertificateOfAnotherAuthorityIsDenied) {
  const SoftwareCa other(CertificateFields::Ca("other"));
  ExpectUnknown(Judge(endorsement_, {Authority("vendors", other.Pem())}), "IdentityDenied",
                "EndorsementAuthority vendors");
}

TEST_F(OfflineIdentity, AnAuthorityThatThePolicyDoesNotNameAdmitsNobody) {
  const SoftwareCa other(CertificateFields::Ca("other"));
  ExpectUnknown(
      Judge(endorsement_, {Authority("vendors", other.Pem()), Authority("others", Root().Pem())}),
      "IdentityDenied", "");
}

TEST_F(OfflineIdentity, AnAuthorityThatIsNamedAndNotGivenIsNotReady) {
  ExpectUnknown(Judge(endorsement_, {}), "PolicyNotReady",
                "EndorsementAuthority vendors does not exist");
}

TEST_F(OfflineIdentity, E16_ACertificateForAnotherKeyIsDenied) {
  endorsement_.certificate = Root().Issue(Endorsement(), OtherEk());
  ExpectUnknown(Judge(), "IdentityDenied", "for another key than endorsement.public");
}

TEST_F(OfflineIdentity, AnEndorsementWithoutAReadableCertificateIsDenied) {
  endorsement_.certificate.reset();
  ExpectUnknown(Judge(), "IdentityDenied", "no certificate");
  endorsement_.certificate = Bytes{0x30, 0x03, 1, 2, 3};
  ExpectUnknown(Judge(), "IdentityDenied", "cannot be read");
}

TEST_F(OfflineIdentity, E18_AnExpiredCertificateIsDenied) {
  CertificateFields expired = Endorsement();
  expired.not_after_days = 1;
  endorsement_.certificate = Root().Issue(expired, Ek());
  ExpectUnknown(Judge(), "IdentityDenied", "");
}

TEST_F(OfflineIdentity, E18_ARootThatTheBundleBringsIsOnlyAHint) {
  const SoftwareCa attacker(CertificateFields::Ca("attacker"));
  endorsement_.certificate = attacker.Issue(Endorsement(), Ek());
  endorsement_.chain = {attacker.der()};
  ExpectUnknown(Judge(), "IdentityDenied", "");
}

TEST_F(OfflineIdentity, AnIntermediateOfTheBundleHelps) {
  const SoftwareCa intermediate(CertificateFields::Ca("intermediate"), Root());
  endorsement_.certificate = intermediate.Issue(Endorsement(), Ek());
  ExpectUnknown(Judge(), "IdentityDenied", "");
  endorsement_.chain = {intermediate.der()};
  EXPECT_EQ(Judge().code, kExitTrusted);
}

TEST_F(OfflineIdentity, WithoutAnEndorsementARemarkSaysThatNothingWasJudged) {
  const Result result = Judge(std::nullopt, {Authority("vendors", Root().Pem())});
  EXPECT_EQ(result.code, kExitTrusted) << result.out;
  EXPECT_TRUE(HasRemark(result, "identity was not judged"));
}

TEST_F(OfflineIdentity, ApprovalsNeedAClusterAndAuthoritiesAreNotLookedAtThen) {
  for (const std::string admission : {"Approved", "FirstUse"}) {
    policy_["spec"]["identity"]["admission"] = admission;
    const Result result = Judge(endorsement_, {});
    EXPECT_EQ(result.code, kExitTrusted) << admission << result.out;
    EXPECT_TRUE(HasRemark(result, "admission " + admission + " was not judged")) << admission;
  }
}

TEST_F(OfflineIdentity, KeyProfilesAreJudged) {
  policy_["spec"]["identity"]["keyProfiles"] = {"p384"};
  const Result known = Judge();
  policy_["spec"]["identity"]["keyProfiles"] = {"p256"};
  // Whatever the profiles are called: the machine's key has exactly one of them.
  const Result other = Judge();
  EXPECT_EQ(known.code, kExitUnknown);
  EXPECT_EQ(other.code, kExitTrusted) << other.out;
  EXPECT_EQ(known.json()["reason"], "IdentityPending") << known.out;
}

TEST_F(OfflineIdentity, Q11_TheFirmwareFloorNeedsAManufacturerFromAGoodCertificate) {
  policy_["spec"]["tpm"]["firmwareFloor"] = {{{"manufacturer", "IFX"}, {"version", "9.0.0.0"}}};
  const Result below = Judge();
  EXPECT_EQ(below.code, kExitUntrusted) << below.out;
  EXPECT_EQ(below.json()["reason"], "FirmwareRejected");
  const Result unknown = Judge(std::nullopt, {Authority("vendors", Root().Pem())});
  EXPECT_EQ(unknown.code, kExitTrusted);
  EXPECT_TRUE(HasRemark(unknown, "no firmware floor was judged"));
}

TEST_F(OfflineIdentity, WhatIsProvenWrongOutranksAnIdentityThatIsNotAdmitted) {
  endorsement_.certificate.reset();
  machine_.log.events.pop_back();
  EXPECT_EQ(Judge().json()["reason"], "EventLogMismatch");
}

TEST_F(OfflineIdentity, AnEndorsementWhoseKeyCannotBeReadIsUnusable) {
  endorsement_.public_area.pop_back();
  const Result result = Judge();
  EXPECT_EQ(result.code, kExitUnusable);
  EXPECT_THAT(result.err, HasSubstr("endorsement.public"));
}

}  // namespace
}  // namespace plimsoll::plugin
