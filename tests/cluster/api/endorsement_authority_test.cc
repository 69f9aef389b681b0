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
  static void SetUpTestSuite() { Cluster().InstallChart(); }
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
  EXPECT_THAT(Propose(Authority("{bundles: [{}]}")), IsRefused("inline: Required value"));
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
