#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

constexpr std::string_view kPem =
    "\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"";

std::string Authority(std::string_view spec) {
  return Object("EndorsementAuthority", "proposal", "spec: " + std::string(spec));
}

class EndorsementAuthoritySchema : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }
};

TEST_F(EndorsementAuthoritySchema, AcceptsCertificatesInPemForm) {
  EXPECT_THAT(Propose(Authority("{bundles: [{inline: " + std::string(kPem) +
                                "}], allowedManufacturers: [IFX, NTC], validity: IgnoreExpiry, "
                                "extendedKeyUsage: Optional}")),
              IsAccepted());
}

TEST_F(EndorsementAuthoritySchema, DemandsAtLeastOneBundleWithASource) {
  EXPECT_THAT(Propose(Authority("{}")), IsRefused("bundles: Required value"));
  EXPECT_THAT(Propose(Authority("{bundles: []}")), IsRefused("at least 1 items"));
  EXPECT_THAT(Propose(Authority("{bundles: [{}]}")), IsRefused("a bundle has exactly one source"));
}

TEST_F(EndorsementAuthoritySchema, TakesEachSourceAloneOnly) {
  const std::string config_map = "configMapKeyRef: {namespace: a, name: b, key: c}";
  for (const std::string& source : {std::string("builtin: TPMVendors"), config_map,
                                    std::string("clusterTrustBundleRef: {name: tpm}")}) {
    EXPECT_THAT(Propose(Authority("{bundles: [{" + source + "}]}")), IsAccepted());
    EXPECT_THAT(
        Propose(Authority("{bundles: [{inline: " + std::string(kPem) + ", " + source + "}]}")),
        IsRefused("a bundle has exactly one source"));
  }
  EXPECT_THAT(Propose(Authority("{bundles: [{builtin: Everybody}]}")),
              IsRefused("Unsupported value: \"Everybody\""));
  EXPECT_THAT(Propose(Authority("{bundles: [{configMapKeyRef: {name: b, key: c}}]}")),
              IsRefused("namespace: Required value"));
}

TEST_F(EndorsementAuthoritySchema, TakesDenialsThatMakeSense) {
  const auto denied = [](const std::string& rule) {
    return Authority("{bundles: [{builtin: TPMVendors}], denied: [" + rule + "]}");
  };
  EXPECT_THAT(Propose(denied("{manufacturer: IFX, model: \"\", firmwareFrom: \"\", firmwareTo: "
                             "\"5.61\", reason: ROCA}, {manufacturer: IFX, firmwareFrom: "
                             "\"id:053D\"}, {model: SLB}")),
              IsAccepted());
  EXPECT_THAT(Propose(denied("{reason: ROCA}")),
              IsRefused("a rule needs a manufacturer or a model"));
  EXPECT_THAT(Propose(denied("{model: SLB, firmwareTo: \"5.61\"}")),
              IsRefused("a firmware range needs a manufacturer"));
  EXPECT_THAT(Propose(denied("{manufacturer: IFX, firmwareTo: \"053D\"}")),
              IsRefused("firmwareTo in body should match"));
}

TEST_F(EndorsementAuthoritySchema, TakesRevocationThatHasLists) {
  const auto revocation = [](const std::string& value) {
    return Authority("{bundles: [{builtin: TPMVendors}], revocation: " + value + "}");
  };
  const std::string list =
      "{inline: \"-----BEGIN X509 CRL-----\\nMIIB\\n-----END X509 CRL-----\\n\"}";
  EXPECT_THAT(Propose(revocation("{}")), IsAccepted());
  EXPECT_THAT(Propose(revocation("{mode: Required, lists: [" + list +
                                 ", {configMapKeyRef: {namespace: a, name: b, key: c}}]}")),
              IsAccepted());
  EXPECT_THAT(Propose(revocation("{mode: Required}")), IsRefused("mode Required needs lists"));
  EXPECT_THAT(Propose(revocation("{mode: Required, lists: [{}]}")),
              IsRefused("a list has exactly one source"));
  EXPECT_THAT(Propose(revocation("{mode: Required, lists: [{inline: hello}]}")),
              IsRefused("inline must hold revocation lists in PEM form"));
}

TEST_F(EndorsementAuthoritySchema, RefusesTextThatHoldsNoCertificate) {
  EXPECT_THAT(Propose(Authority("{bundles: [{inline: hello}]}")),
              IsRefused("inline must hold certificates in PEM form"));
}

TEST_F(EndorsementAuthoritySchema, RefusesAPrivateKey) {
  EXPECT_THAT(
      Propose(Authority("{bundles: [{inline: \"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END "
                        "CERTIFICATE-----\\n-----BEGIN EC PRIVATE KEY-----"
                        "\\nMHcC\\n-----END EC PRIVATE KEY-----\\n\"}]}")),
      IsRefused("inline must not hold a private key"));
}

TEST_F(EndorsementAuthoritySchema, RefusesUnknownFieldsAndWords) {
  const std::string bundles = "bundles: [{inline: " + std::string(kPem) + "}]";
  EXPECT_THAT(Propose(Authority("{" + bundles + ", validity: Sometimes}")),
              IsRefused("Unsupported value: \"Sometimes\""));
  EXPECT_THAT(Propose(Authority("{" + bundles + ", minimumFirmware: []}")),
              IsRefused("unknown field \"spec.minimumFirmware\""));
}

}  // namespace
}  // namespace plimsoll::cluster
