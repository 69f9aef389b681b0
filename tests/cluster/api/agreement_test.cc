// The API server and the controller agree: what the one stores, the other reads to the letter.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cluster/api/schema.h"
#include "policy/attestation_policy.h"
#include "policy/endorsement_authority.h"
#include "policy/reference_values.h"
#include "policy/spec_limits.h"

namespace plimsoll::cluster {
namespace {

using nlohmann::json;

const std::string kSha1(40, '1');
const std::string kSha256(64, '2');
const std::string kSha384(96, '3');
const std::string kSha512(128, '5');

class Agreement : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }

  // Applies an object and reads it back, with what the API server added; empty when it refused it.
  static std::string Stored(std::string_view kind, std::string_view name, std::string_view spec) {
    const CommandResult applied = Cluster().Apply(Object(kind, name, "spec: " + std::string(spec)));
    EXPECT_THAT(applied, IsAccepted());
    return Cluster().Kubectl({"get", std::string(kind), std::string(name), "-o", "json"}).out;
  }

  static json SpecSchema(std::string_view resource) {
    const json crd = json::parse(
        Cluster()
            .Kubectl({"get", "crd", std::string(resource) + ".plimsoll.dev", "-o", "json"})
            .out);
    return crd.at("/spec/versions/0/schema/openAPIV3Schema/properties/spec"_json_pointer);
  }
};

// Steps: a name goes into properties, "[]" into items.
json At(const json& schema, const std::vector<std::string>& steps) {
  json at = schema;
  for (const std::string& step : steps) {
    at = step == "[]" ? json(at.at("items")) : json(at.at("properties").at(step));
  }
  return at;
}

TEST_F(Agreement, OnPoliciesThatUseEveryField) {
  const std::string text = Stored("AttestationPolicy", "agreement-all",
                                  R"(
  mode: Enforce
  nodeSelector:
    matchLabels: {node-restriction.kubernetes.io/pool: secure}
    matchExpressions:
    - {key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}
    - {key: zone, operator: In, values: [a, b]}
  identity:
    admission: EndorsementCertificate
    endorsementAuthorityRefs: [vendors]
    firstUse: {notAfter: "2026-12-24T08:00:00Z", quorum: 3, referenceValueRefs: [floor]}
    keyProfiles: [p384]
  freshness: {intervalSeconds: 10, expireSeconds: 20}
  pcrs:
  - {bank: sha256, index: 4, match: Reference, anyOf: [")" +
                                      kSha256 + R"("], referenceValueRefs: [image-1]}
  - {bank: sha1, index: 4, match: Reference, anyOf: [")" +
                                      kSha1 + R"("]}
  - {index: 7, match: EventLogOnly}
  - {bank: sha384, index: 0, match: Unchanged}
  - {bank: sha512, index: 2, match: FirstUse}
  boot:
    eventLog: Optional
    secureBoot: Ignored
    databaseRefs: [databases]
    componentRefs: [image-1, image-2]
    componentRoles: [Firmware, OptionROM, BootLoader, Kernel, InitRD, UKI, Driver, Other]
    kernelCommandLine: {mustContain: [ima_policy=tcb], mustNotContain: [init=], referenceValueRefs: [lines]}
    ukiPhases: ["enter-initrd:leave-initrd:sysinit:ready"]
  runtime: {ima: {mode: Required, allowListRefs: [files], keyRefs: [keys], exclude: ["/tmp/.*"], violations: Count}}
  tpm: {firmwareFloor: [{manufacturer: IFX, version: "15.23.0.65535"}], clockSafe: Require, unexplainedReset: Reject}
  enforcement: {taint: {effect: NoExecute}, maxUntrusted: 10%, unknownGraceSeconds: 60, recovery: Acknowledged}
  rollout: {percent: 5, selector: {matchLabels: {pool: canary}}, haltAfterFailures: 2})");
  const auto policy = policy::AttestationPolicy::Parse(text);
  ASSERT_TRUE(policy) << policy.error().message << text;
  EXPECT_EQ(policy->problem, "");
  EXPECT_EQ(policy->enforcement.max_untrusted, "10%");
  EXPECT_EQ(policy->pcrs.size(), 5U);
  ASSERT_TRUE(policy->rollout);
  EXPECT_EQ(policy->rollout->percent, 5);
}

TEST_F(Agreement, OnPoliciesThatUseDefaults) {
  for (const char* spec :
       {"{nodeSelector: {}}",
        "{nodeSelector: {}, boot: {}, rollout: {}, pcrs: [{index: 1, match: "
        "Unchanged}]}",
        "{nodeSelector: {}, identity: {firstUse: {notAfter: null}}, enforcement: {maxUntrusted: "
        "null}, rollout: {selector: null}}",
        "{nodeSelector: {}, enforcement: {maxUntrusted: 0}, rollout: {percent: 0}}"}) {
    const std::string text = Stored("AttestationPolicy", "agreement-defaults", spec);
    const auto policy = policy::AttestationPolicy::Parse(text);
    ASSERT_TRUE(policy) << policy.error().message << text;
    EXPECT_EQ(policy->problem, "") << text;
  }
}

TEST_F(Agreement, OnReferenceValuesThatUseEveryField) {
  const std::string text = Stored(
      "ReferenceValues", "agreement-all",
      R"(
  state: Deprecated
  notBefore: "2026-11-24T08:00:00Z"
  notAfter: "2027-11-24T08:00:00.123Z"
  description: the image of November
  consistency: Tuple
  pcrs:
  - {index: 0, digests: [")" +
          kSha256 + R"("]}
  - {bank: sha512, index: 23, digests: [")" +
          kSha512 + R"("]}
  components:
  - {role: BootLoader, name: shim 15.8, digests: [{value: ")" +
          kSha256 + R"("}, {algorithm: sha384, value: ")" + kSha384 + R"("}]}
  - {role: Driver, signerCertificateSHA256: [")" +
          kSha256 + R"("]}
  commandLines: ["root=/dev/vda1 ro", ""]
  secureBootDatabases:
    PK: {match: Exact, entries: [")" +
          kSha256 + R"("]}
    KEK: {}
    db: {match: Subset, entries: []}
    dbx: {entries: [")" +
          kSha1 + "\", \"" + std::string(56, '4') + "\", \"" + kSha384 + "\", \"" + kSha512 + R"("]}
  files: {configMapKeyRefs: [{namespace: plimsoll-system, name: a, key: b}], fileName: debian.sha256.gz}
  keys: [{name: distro, pem: "-----BEGIN PUBLIC KEY-----"}])");
  const auto values = policy::ReferenceValues::Parse(text);
  ASSERT_TRUE(values) << values.error().message << text;
  EXPECT_EQ(values->problem, "");
  EXPECT_EQ(values->components.size(), 2U);
  EXPECT_FALSE(values->databases.contains(policy::SecureBootDatabase::kKek))
      << "{} must not come back as a rule";
  EXPECT_EQ(values->databases.at(policy::SecureBootDatabase::kDbx).match,
            policy::DatabaseMatch::kSuperset);
}

TEST_F(Agreement, OnAuthoritiesThatUseEveryField) {
  const std::string text = Stored("EndorsementAuthority", "agreement-all", R"(
  bundles: [{builtin: TPMVendors}]
  allowedManufacturers: [IFX, NTC]
  denied: [{manufacturer: IFX, model: "", firmwareFrom: "", firmwareTo: "5.61", reason: ROCA}]
  validity: IgnoreExpiry
  extendedKeyUsage: Optional
  revocation: {mode: Ignored, lists: [{inline: "-----BEGIN X509 CRL-----"}]})");
  const auto authority = policy::EndorsementAuthority::Parse(text);
  ASSERT_TRUE(authority) << authority.error().message << text;
  EXPECT_EQ(authority->problem, "");
}

TEST_F(Agreement, OnTheBoundsOfPolicies) {
  const json spec = SpecSchema("attestationpolicies");
  struct Bound {
    std::vector<std::string> path;
    const char* word;
    int64_t value;
  };
  for (const Bound& bound : std::initializer_list<Bound>{
           {{"nodeSelector", "matchLabels"}, "maxProperties", policy::kMaxSelectorItems},
           {{"nodeSelector", "matchExpressions"}, "maxItems", policy::kMaxSelectorItems},
           {{"nodeSelector", "matchExpressions", "[]", "key"}, "maxLength", policy::kMaxLabelBytes},
           {{"identity", "endorsementAuthorityRefs"}, "maxItems", policy::kMaxAuthorityRefs},
           {{"identity", "keyProfiles"}, "maxItems", policy::kMaxKeyProfiles},
           {{"identity", "firstUse", "quorum"}, "maximum", policy::kMaxQuorum},
           {{"identity", "firstUse", "referenceValueRefs"}, "maxItems", policy::kMaxReferenceRefs},
           {{"freshness", "intervalSeconds"}, "minimum", policy::kMinSeconds},
           {{"freshness", "expireSeconds"}, "maximum", policy::kMaxSeconds},
           {{"pcrs"}, "maxItems", policy::kMaxPcrRules},
           {{"pcrs", "[]", "index"}, "maximum", policy::kMaxPcr},
           {{"pcrs", "[]", "anyOf"}, "maxItems", policy::kMaxDigestsPerRule},
           {{"pcrs", "[]", "referenceValueRefs"}, "maxItems", policy::kMaxReferenceRefs},
           {{"boot", "databaseRefs"}, "maxItems", policy::kMaxReferenceRefs},
           {{"boot", "componentRefs"}, "maxItems", policy::kMaxReferenceRefs},
           {{"boot", "componentRoles"}, "maxItems", policy::kMaxRoles},
           {{"boot", "kernelCommandLine", "mustContain"}, "maxItems", policy::kMaxArguments},
           {{"boot", "kernelCommandLine", "mustNotContain", "[]"},
            "maxLength",
            policy::kMaxArgumentBytes},
           {{"boot", "ukiPhases"}, "maxItems", policy::kMaxPhasePaths},
           {{"boot", "ukiPhases", "[]"}, "maxLength", policy::kMaxPhasePathBytes},
           {{"runtime", "ima", "allowListRefs"}, "maxItems", policy::kMaxReferenceRefs},
           {{"runtime", "ima", "keyRefs"}, "maxItems", policy::kMaxReferenceRefs},
           {{"runtime", "ima", "exclude"}, "maxItems", policy::kMaxExcludePatterns},
           {{"runtime", "ima", "exclude", "[]"}, "maxLength", policy::kMaxExcludePatternBytes},
           {{"tpm", "firmwareFloor"}, "maxItems", policy::kMaxFirmwareFloors},
           {{"tpm", "firmwareFloor", "[]", "manufacturer"}, "maxLength", policy::kMaxVendorIdBytes},
           {{"tpm", "firmwareFloor", "[]", "version"}, "maxLength", policy::kMaxVersionBytes},
           {{"enforcement", "unknownGraceSeconds"}, "maximum", policy::kMaxSeconds},
           {{"rollout", "haltAfterFailures"}, "maximum", policy::kMaxUntrustedNodes}}) {
    EXPECT_EQ(At(spec, bound.path).at(bound.word), bound.value)
        << testing::PrintToString(bound.path);
  }
}

TEST_F(Agreement, OnTheBoundsOfReferenceValues) {
  const json spec = SpecSchema("referencevalues");
  struct Bound {
    std::vector<std::string> path;
    const char* word;
    size_t value;
  };
  for (const Bound& bound : std::initializer_list<Bound>{
           {{"description"}, "maxLength", policy::kMaxDescriptionBytes},
           {{"pcrs"}, "maxItems", policy::kMaxReferencePcrs},
           {{"pcrs", "[]", "digests"}, "maxItems", policy::kMaxDigestsPerPcr},
           {{"components"}, "maxItems", policy::kMaxComponents},
           {{"components", "[]", "name"}, "maxLength", policy::kMaxComponentNameBytes},
           {{"components", "[]", "digests"}, "maxItems", policy::kMaxDigestsPerComponent},
           {{"components", "[]", "signerCertificateSHA256"},
            "maxItems",
            policy::kMaxSignersPerComponent},
           {{"commandLines"}, "maxItems", policy::kMaxCommandLines},
           {{"commandLines", "[]"}, "maxLength", policy::kMaxCommandLineBytes},
           {{"secureBootDatabases", "dbx", "entries"}, "maxItems", policy::kMaxDatabaseEntries},
           {{"files", "configMapKeyRefs"}, "maxItems", policy::kMaxConfigMapKeys},
           {{"files", "fileName"}, "maxLength", policy::kMaxFileNameBytes},
           {{"keys"}, "maxItems", policy::kMaxKeys},
           {{"keys", "[]", "name"}, "maxLength", policy::kMaxKeyNameBytes},
           {{"keys", "[]", "pem"}, "maxLength", policy::kMaxKeyPemBytes}}) {
    EXPECT_EQ(At(spec, bound.path).at(bound.word), bound.value)
        << testing::PrintToString(bound.path);
  }
}

}  // namespace
}  // namespace plimsoll::cluster
