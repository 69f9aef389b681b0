#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

const std::string kSha1(40, '1');
const std::string kSha256(64, '2');
const std::string kSha384(96, '3');
const std::string kSha512(128, '5');

std::string Values(std::string_view spec) {
  return Object("ReferenceValues", "proposal", "spec: " + std::string(spec));
}

class ReferenceValuesSchema : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }
};

TEST_F(ReferenceValuesSchema, FillsInTheDefaultsOfTheDesign) {
  ASSERT_THAT(Cluster().Apply(Object("ReferenceValues", "defaults", "spec: {}")), IsAccepted());
  EXPECT_EQ(Cluster().Kubectl({"get", "refvals", "defaults", "-o", "jsonpath={.spec}"}).out,
            R"({"consistency":"Any","state":"Active"})");
}

TEST_F(ReferenceValuesSchema, RefusesWordsAndFieldsThatItDoesNotKnow) {
  for (const char* spec :
       {"{state: Retired}", "{consistency: All}", "{components: [{role: Shim, digests: [{}]}]}",
        "{secureBootDatabases: {db: {match: Equal, entries: []}}}"}) {
    EXPECT_THAT(Propose(Values(spec)), IsRefused("Unsupported value")) << spec;
  }
  EXPECT_THAT(Propose(Values("{secureBootDatabases: {dbt: {}}}")),
              IsRefused("unknown field \"spec.secureBootDatabases.dbt\""));
}

TEST_F(ReferenceValuesSchema, RefusesAWindowThatEndsBeforeItBegins) {
  const auto window = [](std::string_view from, std::string_view to) {
    return Values("{notBefore: \"" + std::string(from) + "\", notAfter: \"" + std::string(to) +
                  "\"}");
  };
  EXPECT_THAT(Propose(window("2026-11-24T08:00:00Z", "2026-11-24T08:00:01Z")), IsAccepted());
  EXPECT_THAT(Propose(window("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z")),
              IsRefused("notBefore must be earlier than notAfter"));
  EXPECT_THAT(Propose(window("2026-11-24T10:00:00Z", "2026-11-24T08:00:00Z")),
              IsRefused("notBefore must be earlier than notAfter"));
  EXPECT_THAT(Propose(Values("{notBefore: null, notAfter: null}")), IsAccepted());
  EXPECT_THAT(Propose(Values("{notBefore: \"2026-11-24T08:00:00+01:00\"}")),
              IsRefused("should match"));
}

TEST_F(ReferenceValuesSchema, RefusesATupleOfNothing) {
  EXPECT_THAT(Propose(Values("{consistency: Tuple}")), IsRefused("consistency Tuple needs pcrs"));
  EXPECT_THAT(Propose(Values("{consistency: Tuple, pcrs: []}")),
              IsRefused("consistency Tuple needs pcrs"));
  EXPECT_THAT(
      Propose(Values("{consistency: Tuple, pcrs: [{index: 0, digests: [\"" + kSha256 + "\"]}]}")),
      IsAccepted());
}

TEST_F(ReferenceValuesSchema, RefusesADigestThatIsNotOfItsBank) {
  const auto pcr = [](std::string_view bank, std::string_view digest) {
    return Values("{pcrs: [{bank: " + std::string(bank) + ", index: 0, digests: [\"" +
                  std::string(digest) + "\"]}]}");
  };
  EXPECT_THAT(Propose(pcr("sha1", kSha1)), IsAccepted());
  EXPECT_THAT(Propose(pcr("sha256", kSha256)), IsAccepted());
  EXPECT_THAT(Propose(pcr("sha384", kSha384)), IsAccepted());
  EXPECT_THAT(Propose(pcr("sha512", kSha512)), IsAccepted());
  EXPECT_THAT(Propose(pcr("sha1", kSha256)),
              IsRefused("a digest must have the length of its bank"));
  EXPECT_THAT(Propose(pcr("sha512", kSha384)),
              IsRefused("a digest must have the length of its bank"));
  EXPECT_THAT(Propose(pcr("sha256", std::string(64, 'A'))), IsRefused("should match"));
  EXPECT_THAT(Propose(Values("{pcrs: [{index: 0, digests: []}]}")),
              IsRefused("should have at least 1 items"));
}

TEST_F(ReferenceValuesSchema, RefusesARegisterThatNoTpmHasOrThatIsNamedTwice) {
  const std::string digests = ", digests: [\"" + kSha256 + "\"]}";
  EXPECT_THAT(Propose(Values("{pcrs: [{index: 24" + digests + "]}")),
              IsRefused("less than or equal to 23"));
  EXPECT_THAT(
      Propose(Values("{pcrs: [{index: 0" + digests + ", {bank: sha256, index: 0" + digests + "]}")),
      IsRefused("Duplicate value"));
}

TEST_F(ReferenceValuesSchema, RefusesAComponentThatNothingIdentifies) {
  constexpr std::string_view kWords = "a component needs a digest or a signer";
  EXPECT_THAT(Propose(Values("{components: [{role: BootLoader, name: shim 15.8}]}")),
              IsRefused(kWords));
  EXPECT_THAT(Propose(Values("{components: [{role: BootLoader, digests: [], "
                             "signerCertificateSHA256: []}]}")),
              IsRefused(kWords));
  EXPECT_THAT(
      Propose(Values("{components: [{role: UKI, digests: [{value: \"" + kSha256 +
                     "\"}]}, {role: Driver, signerCertificateSHA256: [\"" + kSha256 + "\"]}]}")),
      IsAccepted());
  EXPECT_THAT(Propose(Values("{components: [{name: a, digests: [{value: \"" + kSha256 + "\"}]}]}")),
              IsRefused("role: Required value"));
  EXPECT_THAT(
      Propose(Values("{components: [{role: UKI, signerCertificateSHA256: [\"" + kSha1 + "\"]}]}")),
      IsRefused("should match"));
}

TEST_F(ReferenceValuesSchema, RefusesADigestThatIsNotOfItsAlgorithm) {
  const auto digest = [](std::string_view algorithm, std::string_view value) {
    return Values("{components: [{role: Kernel, digests: [{algorithm: " + std::string(algorithm) +
                  ", value: \"" + std::string(value) + "\"}]}]}");
  };
  EXPECT_THAT(Propose(digest("sha384", kSha384)), IsAccepted());
  EXPECT_THAT(Propose(digest("sha384", kSha256)),
              IsRefused("a digest must have the length of its algorithm"));
  EXPECT_THAT(Propose(digest("sha1", kSha512)),
              IsRefused("a digest must have the length of its algorithm"));
  EXPECT_THAT(Propose(digest("md5", kSha1)), IsRefused("Unsupported value: \"md5\""));
}

TEST_F(ReferenceValuesSchema, RefusesDatabaseRulesThatSayNothing) {
  const auto database = [](std::string_view name, std::string_view rule) {
    return Values("{secureBootDatabases: {" + std::string(name) + ": " + std::string(rule) + "}}");
  };
  const std::string entry = "entries: [\"" + kSha256 + "\"]";
  for (const std::string name : {"PK", "KEK", "db", "dbx"}) {
    EXPECT_THAT(Propose(database(name, "{}")), IsAccepted());
    EXPECT_THAT(Propose(database(name, "{match: Superset, " + entry + "}")), IsAccepted());
    EXPECT_THAT(Propose(database(name, "{match: Exact, entries: []}")), IsAccepted());
    EXPECT_THAT(Propose(database(name, "{match: Exact}")), IsRefused("match needs entries"));
    EXPECT_THAT(Propose(database(name, "{match: Superset, entries: []}")),
                IsRefused("a Superset of no entries demands nothing"));
    EXPECT_THAT(Propose(database(name, "{entries: [beef]}")), IsRefused("should match"));
  }
  EXPECT_THAT(Propose(database("db", "{entries: []}")), IsAccepted());
  EXPECT_THAT(Propose(database("dbx", "{entries: []}")),
              IsRefused("a Superset of no entries demands nothing"))
      << "dbx is a minimum unless said otherwise";
}

TEST_F(ReferenceValuesSchema, TakesANameOfAFileAndNoPath) {
  const auto file = [](std::string_view name) {
    return Values("{files: {fileName: \"" + std::string(name) + "\"}}");
  };
  EXPECT_THAT(Propose(file("debian-12.sha256.gz")), IsAccepted());
  EXPECT_THAT(Propose(file("")), IsAccepted());
  for (const char* name : {"/etc/passwd", "../up", "a/b", ".", ".."}) {
    EXPECT_THAT(Propose(file(name)), IsRefused("fileName must be the name of a file")) << name;
  }
  EXPECT_THAT(Propose(file("a\\u0000b")), IsRefused("should match"));
  EXPECT_THAT(Propose(file(std::string(256, 'a'))), IsRefused("Too long"));
}

TEST_F(ReferenceValuesSchema, NamesConfigMapsCompletelyAndOnce) {
  const auto maps = [](std::string_view refs) {
    return Values("{files: {configMapKeyRefs: [" + std::string(refs) + "]}}");
  };
  EXPECT_THAT(Propose(maps("{namespace: a, name: b, key: c}, {namespace: a, name: b, key: d}")),
              IsAccepted());
  EXPECT_THAT(Propose(maps("{namespace: a, name: b}")), IsRefused("key: Required value"));
  EXPECT_THAT(Propose(maps("{namespace: a, name: b, key: c}, {namespace: a, name: b, key: c}")),
              IsRefused("Duplicate value"));
}

TEST_F(ReferenceValuesSchema, TakesPublicKeysAlone) {
  const auto key = [](std::string_view pem) {
    return Values("{keys: [{name: distro, pem: \"" + std::string(pem) + "\"}]}");
  };
  EXPECT_THAT(Propose(key("-----BEGIN PUBLIC KEY-----")), IsAccepted());
  EXPECT_THAT(Propose(key("-----BEGIN CERTIFICATE-----")), IsAccepted());
  EXPECT_THAT(Propose(key("hello")), IsRefused("pem must hold a public key or a certificate"));
  EXPECT_THAT(Propose(key("-----BEGIN PUBLIC KEY-----\\n-----BEGIN EC PRIVATE KEY-----")),
              IsRefused("pem must not hold a private key"));
  EXPECT_THAT(Propose(Values("{keys: [{name: a, pem: \"-----BEGIN PUBLIC KEY-----\"}, {name: a, "
                             "pem: \"-----BEGIN PUBLIC KEY-----\"}]}")),
              IsRefused("Duplicate value"));
}

TEST_F(ReferenceValuesSchema, TakesASetAsBigAsItsBounds) {
  std::string components;
  for (int i = 0; i < 1024; ++i) {
    components += "{role: Driver, digests: [{value: \"" + kSha256 + "\"}]}, ";
  }
  EXPECT_THAT(Propose(Values("{components: [" + components + "]}")), IsAccepted());
  EXPECT_THAT(Propose(Values("{components: [" + components + "{role: Driver, digests: [{value: \"" +
                             kSha256 + "\"}]}]}")),
              IsRefused("must have at most 1024 items"));
}

}  // namespace
}  // namespace plimsoll::cluster
