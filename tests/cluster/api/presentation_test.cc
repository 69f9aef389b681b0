// What people see: short names, category, columns, explanations, selection.
#include <gtest/gtest.h>

#include <sstream>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

// The first line of `kubectl get` with runs of blanks made one.
std::string Columns(const std::vector<std::string>& arguments) {
  std::istringstream out(Cluster().Kubectl(arguments).out);
  std::string columns;
  std::string line;
  std::getline(out, line);
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    columns += (columns.empty() ? "" : " ") + word;
  }
  return columns;
}

class Presentation : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InstallKinds();
    const std::string key(64, 'd');
    for (const std::string& object :
         {Object("AttestationPolicy", "shown", "spec: {nodeSelector: {}}"),
          Object("ReferenceValues", "shown", "spec: {notAfter: \"2099-01-01T00:00:00Z\"}"),
          Object("AttestationException", "shown",
                 "spec: {nodeNames: [shown], reason: INC-1, expiresAt: " +
                     TimeIn(std::chrono::hours(1)) + "}"),
          Object("TPMIdentity", "ek-" + key.substr(0, 32),
                 "spec: {nodeName: shown, endorsementKeySHA256: " + key + "}"),
          Object("EndorsementAuthority", "shown",
                 "spec: {bundles: [{inline: \"-----BEGIN CERTIFICATE-----\"}]}")}) {
      EXPECT_THAT(Cluster().Apply(object), IsAccepted());
    }
    EXPECT_THAT(Cluster().KubectlAs(ControllerKubeconfig(), {"create", "-f", "-"},
                                    Object("NodeAttestation", "shown", "")),
                IsAccepted());
  }
};

TEST_F(Presentation, HasTheColumnsOfTheDesign) {
  EXPECT_EQ(Columns({"get", "apol"}), "NAME MODE MATCHED PASSING FAILING READY AGE");
  EXPECT_EQ(Columns({"get", "apol", "-o", "wide"}),
            "NAME MODE MATCHED PASSING FAILING READY AGE REASON");
  EXPECT_EQ(Columns({"get", "refvals"}), "NAME STATE VALUES NODES AGE");
  EXPECT_EQ(Columns({"get", "refvals", "-o", "wide"}),
            "NAME STATE VALUES NODES AGE POLICIES NOTAFTER");
  EXPECT_EQ(Columns({"get", "aexc"}), "NAME REASON NODES EXPIRES ACTIVE AGE");
  EXPECT_EQ(Columns({"get", "eka"}), "NAME CERTIFICATES EXPIRES READY AGE");
  EXPECT_EQ(Columns({"get", "tpmid"}),
            "NAME NODE DECISION MANUFACTURER FIRMWARE EK-CERT AK-BOUND AGE");
  EXPECT_EQ(Columns({"get", "tpmid", "-o", "wide"}),
            "NAME NODE DECISION MANUFACTURER FIRMWARE EK-CERT AK-BOUND AGE SOURCE PROFILE "
            "ADMITTED-BY");
  EXPECT_EQ(Columns({"get", "natt"}), "NAME TRUSTED REASON FAILED-POLICIES VERIFIED AGE");
  EXPECT_EQ(Columns({"get", "natt", "-o", "wide"}),
            "NAME TRUSTED REASON FAILED-POLICIES VERIFIED AGE TPM BOOT-ID MESSAGE");
}

TEST_F(Presentation, HasACategoryThatListsAllKinds) {
  const std::string names = Cluster().Kubectl({"get", "attestation", "-o", "name"}).out;
  for (const char* kind : {"attestationpolicy", "referencevalues", "endorsementauthority",
                           "tpmidentity", "nodeattestation", "attestationexception"}) {
    EXPECT_NE(names.find(std::string(kind) + ".plimsoll.dev/"), std::string::npos)
        << kind << " is missing in\n"
        << names;
  }
}

TEST_F(Presentation, SelectsNodesByVerdictAndPoliciesByMode) {
  ASSERT_THAT(WriteVerdict(ControllerKubeconfig(), "shown", "{summary: Untrusted}"), IsAccepted());
  EXPECT_EQ(
      Cluster()
          .Kubectl({"get", "natt", "-o", "name", "--field-selector", "status.summary=Untrusted"})
          .out,
      "nodeattestation.plimsoll.dev/shown\n");
  EXPECT_EQ(
      Cluster()
          .Kubectl({"get", "natt", "-o", "name", "--field-selector", "status.summary=Trusted"})
          .out,
      "");
  EXPECT_NE(Cluster()
                .Kubectl({"get", "apol", "-o", "name", "--field-selector", "spec.mode=Audit"})
                .out.find("/shown\n"),
            std::string::npos);
}

TEST_F(Presentation, ShowsTimesToComeAsTheyAre) {
  EXPECT_NE(
      Cluster().Kubectl({"get", "refvals", "shown", "-o", "wide"}).out.find("2099-01-01T00:00:00Z"),
      std::string::npos);
}

}  // namespace
}  // namespace plimsoll::cluster
