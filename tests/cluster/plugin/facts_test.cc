#include <fstream>

#include "cluster/plugin/plugin.h"

// The commands that read, on objects that the API server took by its schemas.
namespace plimsoll::cluster {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class PluginFacts : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Cluster().InstallChart();
    fakes::MeasuredNode good;
    fakes::MeasuredNode bad = fakes::WithOtherBootLoader();
    Json policy = fakes::MeasuredBootPolicy("facts-boot");
    policy["spec"]["nodeSelector"] = {{"matchLabels", {{"plugin-test", "facts"}}}};
    ApplyObject("ReferenceValues", good.values);
    ApplyObject("AttestationPolicy", policy);
    for (const char* name : {"facts-1", "facts-2", "facts-3", "facts-4"}) {
      AddAttestedNode(name, good, {policy}, "{plugin-test: facts}");
    }
    AddAttestedNode("facts-bad", bad, {policy}, "{plugin-test: facts}");
  }

  static std::string Write(const std::string& name, const std::string& text) {
    const std::string path = Cluster().directory() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(PluginFacts, StatusCountsThemAndListsTheBadOne) {
  const CommandResult result = Plugin({"status"});
  EXPECT_EQ(result.exit_code, 1) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("facts-bad"));
  const Json view = PluginJson({"status"});
  EXPECT_GE(view["nodes"]["trusted"], 4);
  EXPECT_EQ(view["problems"], Json::array()) << view.dump(1);
}

TEST_F(PluginFacts, ExplainNamesTheBootEvent) {
  const CommandResult result = Plugin({"explain", "facts-bad"});
  EXPECT_EQ(result.exit_code, 1) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("BootComponentNotAccepted"));
  EXPECT_THAT(result.out, HasSubstr("\\EFI\\evil.efi"));
  EXPECT_THAT(result.out, HasSubstr("closest: ReferenceValues machine"));
  EXPECT_EQ(Plugin({"explain", "facts-1"}).exit_code, 0);
  EXPECT_EQ(Plugin({"explain", "no-such-node"}).exit_code, 3);
}

TEST_F(PluginFacts, DiffShowsWhatTheBadOneLoaded) {
  EXPECT_EQ(Plugin({"diff", "facts-1", "facts-2"}).exit_code, 0);
  const CommandResult result = Plugin({"diff", "facts-1", "facts-bad"});
  EXPECT_EQ(result.exit_code, 1) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("BootLoader \\EFI\\evil.efi"));
}

TEST_F(PluginFacts, CohortsNameTheOutlier) {
  const CommandResult result = Plugin({"cohorts"});
  EXPECT_EQ(result.exit_code, 1) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("facts-1, facts-2, facts-3, facts-4"));
  EXPECT_THAT(result.out, HasSubstr("also BootLoader \\EFI\\evil.efi"));
}

TEST_F(PluginFacts, WhatBaselineAndCohortsProposeIsTakenByTheApiServer) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"baseline", "facts-1"},
        std::vector<std::string>{"cohorts", "--as", "ReferenceValues", "--name", "facts"}}) {
    const CommandResult learnt = Plugin(command);
    ASSERT_EQ(learnt.exit_code, 0) << Said(learnt);
    const CommandResult taken =
        Cluster().Kubectl({"apply", "--dry-run=server", "-f", "-"}, learnt.out);
    EXPECT_TRUE(taken.ok()) << Said(taken);
  }
  const std::string file = Write("learnt.yaml", Plugin({"baseline", "facts-1"}).out);
  const Json view = PluginJson({"what-if", "-f", file});
  ASSERT_EQ(view["policies"][0]["name"], "baseline-facts-1") << view.dump(1);
  EXPECT_GE(view["policies"][0]["matched"], 5);
}

TEST_F(PluginFacts, WhatIfShowsWhomAStricterPolicyWouldHit) {
  Json strict = fakes::MeasuredBootPolicy("facts-strict");
  strict["apiVersion"] = "plimsoll.dev/v1alpha1";
  strict["kind"] = "AttestationPolicy";
  strict["spec"]["nodeSelector"] = {{"matchLabels", {{"plugin-test", "facts"}}}};
  strict["spec"]["boot"]["kernelCommandLine"]["mustNotContain"] = {"quiet"};
  const std::string file = Write("strict.yaml", strict.dump());
  const CommandResult result = Plugin({"what-if", "-f", file});
  EXPECT_EQ(result.exit_code, 1) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("POLICY facts-strict (Enforce, new): 5 matched, 0 passing, 5 "
                                    "failing, 0 unknown"));
  EXPECT_THAT(Cluster().Kubectl({"get", "apol", "facts-strict"}).err, HasSubstr("NotFound"));
}

TEST_F(PluginFacts, ReportIsAPageOfAllOfIt) {
  const CommandResult result = Plugin({"report", "--html"});
  EXPECT_EQ(result.exit_code, 0) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("<h3>facts-bad</h3>"));
  EXPECT_THAT(result.out, Not(HasSubstr("<script")));
}

TEST_F(PluginFacts, BypassFindsThePodThatToleratesTheTaint) {
  Cluster().EnsureServiceAccount("default", "default");
  const auto pod = [](const std::string& name, const std::string& tolerations) {
    const CommandResult applied = Cluster().Apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
        ", namespace: default}\nspec:\n  nodeName: facts-bad\n  containers: [{name: c, image: "
        "x}]\n  tolerations: " +
        tolerations + "\n");
    EXPECT_TRUE(applied.ok()) << Said(applied);
  };
  pod("tolerant", "[{key: plimsoll.dev/untrusted, operator: Exists}]");
  pod("placed", "[]");
  const CommandResult result = Plugin({"bypass"});
  EXPECT_EQ(result.exit_code, 1) << Said(result);
  std::map<std::string, std::string> how;
  const Json view = PluginJson({"bypass"});
  for (const Json& found : view["pods"]) {
    how[found["pod"]] = found["how"];
  }
  EXPECT_EQ(how["tolerant"], "Toleration") << view.dump(1);
  EXPECT_EQ(how["placed"], "NodeName")
      << "younger than the loss of trust, and without a toleration";
}

TEST_F(PluginFacts, CompletionOffersTheNodesOfTheCluster) {
  const CommandResult result = cluster::Run({PLIMSOLL_PLUGIN, "__complete", "explain",
                                             "--kubeconfig", Cluster().kubeconfig(), "facts-b"});
  EXPECT_EQ(result.out, "facts-bad\n:4\n") << Said(result);
  const CommandResult bash =
      cluster::Run({"bash", "-c",
                    std::string("source <(") + PLIMSOLL_PLUGIN + " completion bash); COMP_WORDS=(" +
                        PLIMSOLL_PLUGIN + " explain --kubeconfig " + Cluster().kubeconfig() +
                        " facts-b); COMP_CWORD=4; _kubectl_plimsoll; echo \"${COMPREPLY[*]}\""});
  EXPECT_EQ(bash.out, "facts-bad\n") << Said(bash);
}

}  // namespace
}  // namespace plimsoll::cluster
