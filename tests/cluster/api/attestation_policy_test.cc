#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

constexpr std::string_view kSha1 = "0123456789012345678901234567890123456789";
constexpr std::string_view kSha256 =
    "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969";

std::string Policy(std::string_view spec) {
  return Object("AttestationPolicy", "proposal", "spec: " + std::string(spec));
}

std::string PolicyWithPcr(std::string_view pcr) {
  return Policy("{nodeSelector: {}, pcrs: [" + std::string(pcr) + "]}");
}

class AttestationPolicySchema : public testing::Test {
 protected:
  static void SetUpTestSuite() { Cluster().InstallChart(); }
};

TEST_F(AttestationPolicySchema, FillsInTheDefaultsOfTheDesign) {
  ASSERT_THAT(Cluster().Apply(Object("AttestationPolicy", "defaults", "spec: {nodeSelector: {}}")),
              IsAccepted());
  const std::string spec =
      Cluster().Kubectl({"get", "apol", "defaults", "-o", "jsonpath={.spec}"}).out;
  EXPECT_EQ(
      spec,
      R"({"enforcement":{"taint":{"effect":"NoSchedule"}},"freshness":{"expireSeconds":900,"intervalSeconds":300},)"
      R"("identity":{"admission":"Approved","endorsementAuthorityRefs":[],"keyProfiles":["p384","p256","rsa2048"]},)"
      R"("mode":"Audit","nodeSelector":{},"tpm":{"clockSafe":"Ignore","unexplainedReset":"Report"}})");
}

TEST_F(AttestationPolicySchema, AcceptsAPolicyThatUsesEveryField) {
  EXPECT_THAT(Propose(Policy(R"(
  mode: Enforce
  nodeSelector:
    matchLabels: {node-restriction.kubernetes.io/pool: secure}
    matchExpressions:
    - {key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}
    - {key: zone, operator: In, values: [a, b]}
  identity: {admission: EndorsementCertificate, endorsementAuthorityRefs: [vendors], keyProfiles: [p384]}
  freshness: {intervalSeconds: 10, expireSeconds: 20}
  pcrs:
  - {bank: sha256, index: 4, match: Reference, anyOf: [)" +
                             std::string(kSha256) + R"(]}
  - {bank: sha1, index: 4, match: Reference, anyOf: [")" +
                             std::string(kSha1) + R"("]}
  tpm: {firmwareFloor: [{manufacturer: IFX, version: "15.23.0.65535"}], clockSafe: Require, unexplainedReset: Reject}
  enforcement: {taint: {effect: PreferNoSchedule}})")),
              IsAccepted());
}

TEST_F(AttestationPolicySchema, RefusesAPolicyWithoutASelector) {
  EXPECT_THAT(Propose(Policy("{mode: Audit}")), IsRefused("spec.nodeSelector: Required value"));
}

TEST_F(AttestationPolicySchema, RefusesFieldsThatItDoesNotKnow) {
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, enforcment: {}}")),
              IsRefused("unknown field \"spec.enforcment\""));
}

TEST_F(AttestationPolicySchema, RefusesAnExpiryUnderTwiceTheInterval) {
  EXPECT_THAT(
      Propose(Policy("{nodeSelector: {}, freshness: {intervalSeconds: 100, expireSeconds: 200}}")),
      IsAccepted());
  EXPECT_THAT(
      Propose(Policy("{nodeSelector: {}, freshness: {intervalSeconds: 100, expireSeconds: 199}}")),
      IsRefused("expireSeconds must be at least twice intervalSeconds"));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, freshness: {intervalSeconds: 451}}")),
              IsRefused("expireSeconds must be at least twice intervalSeconds"));
}

TEST_F(AttestationPolicySchema, RefusesAnIntervalOutsideItsBounds) {
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, freshness: {intervalSeconds: 9}}")),
              IsRefused("greater than or equal to 10"));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, freshness: {expireSeconds: 86401}}")),
              IsRefused("less than or equal to 86400"));
}

TEST_F(AttestationPolicySchema, RefusesCertificateAdmissionWithoutAnAuthority) {
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {admission: EndorsementCertificate}}")),
              IsRefused("admission EndorsementCertificate needs at least one name"));
}

TEST_F(AttestationPolicySchema, RefusesWordsThatMeanNothingYet) {
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {admission: FirstUse}}")),
              IsRefused("Unsupported value: \"FirstUse\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, enforcement: {taint: {effect: NoExecute}}}")),
              IsRefused("Unsupported value: \"NoExecute\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, mode: enforce}")),
              IsRefused("Unsupported value: \"enforce\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {keyProfiles: [p521]}}")),
              IsRefused("Unsupported value: \"p521\""));
}

TEST_F(AttestationPolicySchema, RefusesADigestThatIsNotOfItsBank) {
  const std::string digest(kSha256);
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, anyOf: [" + digest + "]}")), IsAccepted());
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, bank: sha384, anyOf: [" + digest + "]}")),
              IsRefused("a digest must have the length of its bank"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, bank: sha1, anyOf: [" + digest + "]}")),
              IsRefused("a digest must have the length of its bank"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, anyOf: [\"" + std::string(kSha1) + "\"]}")),
              IsRefused("a digest must have the length of its bank"));
}

TEST_F(AttestationPolicySchema, RefusesADigestInUpperCaseSoThatEachHasOneSpelling) {
  EXPECT_THAT(
      Propose(PolicyWithPcr(
          "{index: 4, anyOf: [3D458CFE55CC03EA1F443F1562BEEC8DF51C75E14A9FCF9A7234A13F198E7969]}")),
      IsRefused("should match"));
}

TEST_F(AttestationPolicySchema, RefusesAPcrWithoutAnAcceptedValue) {
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, anyOf: []}")),
              IsRefused("should have at least 1 items"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4}")), IsRefused("anyOf: Required value"));
}

TEST_F(AttestationPolicySchema, RefusesARegisterThatNoTpmHasOrThatIsNamedTwice) {
  const std::string digest(kSha256);
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 24, anyOf: [" + digest + "]}")),
              IsRefused("less than or equal to 23"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, anyOf: [" + digest +
                                    "]}, {index: 4, bank: sha256, anyOf: [" + digest + "]}")),
              IsRefused("Duplicate value"));
}

TEST_F(AttestationPolicySchema, RefusesAFirmwareVersionThatIsNotFourSixteenBitFields) {
  const auto floor = [](std::string_view version) {
    return Policy("{nodeSelector: {}, tpm: {firmwareFloor: [{manufacturer: IFX, version: \"" +
                  std::string(version) + "\"}]}}");
  };
  EXPECT_THAT(Propose(floor("15.23.0.0")), IsAccepted());
  EXPECT_THAT(Propose(floor("15.23")), IsRefused("should match"));
  EXPECT_THAT(Propose(floor("15.23.0.65536")), IsRefused("at most 65535"));
  EXPECT_THAT(Propose(floor("015.23.0.0")), IsRefused("should match"));
}

TEST_F(AttestationPolicySchema, RefusesAnExpressionWhoseValuesDoNotFitItsOperator) {
  const auto expression = [](std::string_view text) {
    return Policy("{nodeSelector: {matchExpressions: [" + std::string(text) + "]}}");
  };
  EXPECT_THAT(Propose(expression("{key: a, operator: Exists}")), IsAccepted());
  EXPECT_THAT(Propose(expression("{key: a, operator: In}")),
              IsRefused("operators In and NotIn need values"));
  EXPECT_THAT(Propose(expression("{key: a, operator: Exists, values: [b]}")),
              IsRefused("operators In and NotIn need values"));
}

TEST_F(AttestationPolicySchema, BoundsItsLists) {
  std::string refs;
  for (int i = 0; i < 17; ++i) {
    refs += "a" + std::to_string(i) + ", ";
  }
  EXPECT_THAT(
      Propose(Policy("{nodeSelector: {}, identity: {endorsementAuthorityRefs: [" + refs + "]}}")),
      IsRefused("must have at most 16 items"));
}

}  // namespace
}  // namespace plimsoll::cluster
