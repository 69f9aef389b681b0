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
  static void SetUpTestSuite() { InstallKinds(); }
};

TEST_F(AttestationPolicySchema, FillsInTheDefaultsOfTheDesign) {
  ASSERT_THAT(Cluster().Apply(Object("AttestationPolicy", "defaults", "spec: {nodeSelector: {}}")),
              IsAccepted());
  const std::string spec =
      Cluster().Kubectl({"get", "apol", "defaults", "-o", "jsonpath={.spec}"}).out;
  EXPECT_EQ(
      spec,
      R"({"enforcement":{"recovery":"Automatic","taint":{"effect":"NoSchedule"},"unknownGraceSeconds":0},)"
      R"("freshness":{"expireSeconds":900,"intervalSeconds":300},)"
      R"("identity":{"admission":"Approved","endorsementAuthorityRefs":[],"keyProfiles":["p384","p256","rsa2048"]},)"
      R"("mode":"Audit","nodeSelector":{},"runtime":{"ima":{"mode":"Ignored","violations":"Reject"}},)"
      R"("tpm":{"clockSafe":"Ignore","unexplainedReset":"Report"}})");
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

TEST_F(AttestationPolicySchema, RefusesAFirstUseWithoutGuardRails) {
  const auto first_use = [](std::string_view rest) {
    return Policy("{nodeSelector: {}, identity: {admission: FirstUse" + std::string(rest) + "}}");
  };
  constexpr std::string_view kWords = "admission FirstUse needs a guard rail in firstUse";
  EXPECT_THAT(Propose(first_use("")), IsRefused(kWords));
  EXPECT_THAT(Propose(first_use(", firstUse: {}")), IsRefused(kWords));
  EXPECT_THAT(Propose(first_use(", firstUse: {notAfter: null, quorum: 1, referenceValueRefs: []}")),
              IsRefused(kWords));
  for (const char* rail :
       {"{quorum: 2}", "{referenceValueRefs: [floor]}", "{notAfter: \"2026-12-24T08:00:00Z\"}"}) {
    EXPECT_THAT(Propose(first_use(", firstUse: " + std::string(rail))), IsAccepted());
  }
  EXPECT_THAT(Propose(first_use(", firstUse: {quorum: 0}")),
              IsRefused("greater than or equal to 1"));
  EXPECT_THAT(Propose(first_use(", firstUse: {quorum: 1001}")),
              IsRefused("less than or equal to 1000"));
}

TEST_F(AttestationPolicySchema, TakesTimesInUtcAlone) {
  const auto ends = [](std::string_view time) {
    return Policy("{nodeSelector: {}, identity: {admission: FirstUse, firstUse: {notAfter: \"" +
                  std::string(time) + "\"}}}");
  };
  EXPECT_THAT(Propose(ends("2026-12-24T08:00:00.5Z")), IsAccepted());
  EXPECT_THAT(Propose(ends("2026-12-24T08:00:00+01:00")), IsRefused("should match"));
  EXPECT_THAT(Propose(ends("2026-12-24")), IsRefused("notAfter"));
}

TEST_F(AttestationPolicySchema, RefusesWordsThatItDoesNotKnow) {
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {admission: Anybody}}")),
              IsRefused("Unsupported value: \"Anybody\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, mode: enforce}")),
              IsRefused("Unsupported value: \"enforce\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {keyProfiles: [p521]}}")),
              IsRefused("Unsupported value: \"p521\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {keyProfiles: []}}")),
              IsRefused("should have at least 1 items"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, match: Same}")),
              IsRefused("Unsupported value: \"Same\""));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, match: Unchanged, bank: sm3_256}")),
              IsRefused("Unsupported value: \"sm3_256\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, tpm: {clockSafe: Maybe}}")),
              IsRefused("Unsupported value: \"Maybe\""));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, tpm: {unexplainedReset: Ignore}}")),
              IsRefused("Unsupported value: \"Ignore\""));
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

TEST_F(AttestationPolicySchema, RefusesAReferenceWithoutAValue) {
  constexpr std::string_view kWords =
      "match Reference needs a digest in anyOf or a name in referenceValueRefs";
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4}")), IsRefused(kWords));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, anyOf: [], referenceValueRefs: []}")),
              IsRefused(kWords));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, referenceValueRefs: [image-1]}")), IsAccepted());
}

TEST_F(AttestationPolicySchema, RefusesValuesWhereNoneAreLookedAt) {
  constexpr std::string_view kWords = "only match Reference takes anyOf and referenceValueRefs";
  for (const std::string match : {"EventLogOnly", "Unchanged", "FirstUse"}) {
    EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, match: " + match + "}")), IsAccepted());
    EXPECT_THAT(
        Propose(PolicyWithPcr("{index: 4, match: " + match + ", referenceValueRefs: [image-1]}")),
        IsRefused(kWords));
    EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, match: " + match + ", anyOf: [" +
                                      std::string(kSha256) + "]}")),
                IsRefused(kWords));
  }
}

TEST_F(AttestationPolicySchema, RefusesToExplainByTheBootLogWhatItDoesNotHold) {
  for (const char* index : {"0", "9", "11", "15"}) {
    EXPECT_THAT(Propose(PolicyWithPcr("{match: EventLogOnly, index: " + std::string(index) + "}")),
                IsAccepted());
  }
  for (const char* index : {"10", "16", "23"}) {
    EXPECT_THAT(Propose(PolicyWithPcr("{match: EventLogOnly, index: " + std::string(index) + "}")),
                IsRefused("the boot event log does not explain PCR 10 and 16 to 23"));
  }
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

TEST_F(AttestationPolicySchema, RefusesASelectorThatIsNone) {
  const auto labels = [](std::string_view text) {
    return Policy("{nodeSelector: {matchLabels: {" + std::string(text) + "}}}");
  };
  EXPECT_THAT(Propose(labels("node-restriction.kubernetes.io/pool: secure, empty: \"\"")),
              IsAccepted());
  EXPECT_THAT(Propose(labels("\"\": secure")), IsRefused("the key of a label has 1 to 317"));
  EXPECT_THAT(Propose(labels("pool: not a value")), IsRefused("should match"));
  EXPECT_THAT(Propose(Policy("{nodeSelector: {matchExpressions: [{key: a key, operator: "
                             "Exists}]}}")),
              IsRefused("should match"));
}

TEST_F(AttestationPolicySchema, BoundsItsLists) {
  EXPECT_THAT(Propose(Policy("{nodeSelector: {}, identity: {endorsementAuthorityRefs: [" +
                             Names(17) + "]}}")),
              IsRefused("must have at most 16 items"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, referenceValueRefs: [" + Names(65) + "]}")),
              IsRefused("must have at most 64 items"));
  EXPECT_THAT(Propose(PolicyWithPcr("{index: 4, referenceValueRefs: [a, a]}")),
              IsRefused("Duplicate value"));
}

}  // namespace
}  // namespace plimsoll::cluster
