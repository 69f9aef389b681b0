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
    Cluster().InstallChart();
    const std::string key(64, 'd');
    for (const std::string& object :
         {Object("AttestationPolicy", "shown", "spec: {nodeSelector: {}}"),
          Object("NodeAttestation", "shown", ""),
          Object("TPMIdentity", "ek-" + key.substr(0, 32),
                 "spec: {nodeName: shown, endorsementKeySHA256: " + key + "}"),
          Object("EndorsementAuthority", "shown",
                 "spec: {bundles: [{inline: \"-----BEGIN CERTIFICATE-----\"}]}")}) {
      EXPECT_THAT(Cluster().Apply(object), IsAccepted());
    }
  }
};

TEST_F(Presentation, HasTheColumnsOfTheDesign) {
  EXPECT_EQ(Columns({"get", "apol"}), "NAME MODE MATCHED PASSING FAILING READY AGE");
  EXPECT_EQ(Columns({"get", "apol", "-o", "wide"}),
            "NAME MODE MATCHED PASSING FAILING READY AGE REASON");
  EXPECT_EQ(Columns({"get", "eka"}), "NAME CERTIFICATES EXPIRES READY AGE");
  EXPECT_EQ(Columns({"get", "tpmid"}),
            "NAME NODE DECISION MANUFACTURER FIRMWARE EK-CERT AK-BOUND AGE");
  EXPECT_EQ(Columns({"get", "tpmid", "-o", "wide"}),
            "NAME NODE DECISION MANUFACTURER FIRMWARE EK-CERT AK-BOUND AGE SOURCE PROFILE");
  EXPECT_EQ(Columns({"get", "natt"}), "NAME TRUSTED REASON FAILED-POLICIES VERIFIED AGE");
  EXPECT_EQ(Columns({"get", "natt", "-o", "wide"}),
            "NAME TRUSTED REASON FAILED-POLICIES VERIFIED AGE TPM BOOT-ID MESSAGE");
}

TEST_F(Presentation, HasACategoryThatListsAllKinds) {
  const std::string names = Cluster().Kubectl({"get", "attestation", "-o", "name"}).out;
  for (const char* kind :
       {"attestationpolicy", "endorsementauthority", "tpmidentity", "nodeattestation"}) {
    EXPECT_NE(names.find(std::string(kind) + ".plimsoll.dev/"), std::string::npos)
        << kind << " is missing in\n"
        << names;
  }
}

TEST_F(Presentation, SelectsNodesByVerdictAndPoliciesByMode) {
  ASSERT_THAT(Cluster().Kubectl({"patch", "natt", "shown", "--subresource=status", "--type=merge",
                                 "-p", R"({"status":{"summary":"Untrusted"}})"}),
              IsAccepted());
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

// Every field, of every depth: whatever the schema has must say what it is for.
TEST_F(Presentation, ExplainsEveryField) {
  for (const char* crd :
       {"attestationpolicies", "endorsementauthorities", "tpmidentities", "nodeattestations"}) {
    const CommandResult schema = Cluster().Kubectl(
        {"get", "crd", std::string(crd) + ".plimsoll.dev", "-o",
         "go-template={{define \"walk\"}}{{range $name, $field := .properties}}{{$name}}={{if "
         "$field.description}}y{{else}}n{{end}}"
         "{{\"\\n\"}}{{template \"walk\" $field}}{{if $field.items}}{{template \"walk\" "
         "$field.items}}{{end}}{{end}}{{end}}"
         "{{range .spec.versions}}{{template \"walk\" .schema.openAPIV3Schema}}{{end}}"});
    ASSERT_THAT(schema, IsAccepted());
    std::istringstream lines(schema.out);
    int fields = 0;
    for (std::string line; std::getline(lines, line); ++fields) {
      // The API server itself explains metadata.
      EXPECT_TRUE(line.ends_with("=y") || line == "metadata=n")
          << crd << ": no description: " << line;
    }
    EXPECT_GT(fields, 10) << crd;
  }
  const std::string text = Cluster().Kubectl({"explain", "apol.spec.freshness"}).out;
  EXPECT_NE(text.find("Age at which a verified quote stops proving anything."), std::string::npos)
      << text;
  EXPECT_NE(text.find("Time between two quotes of one node."), std::string::npos) << text;
}

}  // namespace
}  // namespace plimsoll::cluster
