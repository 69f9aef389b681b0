#include <gtest/gtest.h>

#include <sstream>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

CommandResult Template(std::string_view values, const std::vector<std::string>& extra = {}) {
  std::vector<std::string> arguments{"template",
                                     "plimsoll",
                                     std::string(PLIMSOLL_SOURCE_DIR) + "/charts/plimsoll",
                                     "--namespace",
                                     std::string(kNamespace),
                                     "--values",
                                     "-"};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  return Cluster().Helm(arguments, values);
}

TEST(Chart, PassesHelmsOwnLint) {
  EXPECT_THAT(
      Cluster().Helm({"lint", "--strict", std::string(PLIMSOLL_SOURCE_DIR) + "/charts/plimsoll"}),
      IsAccepted());
}

TEST(Chart, RefusesAValueThatItDoesNotKnow) {
  EXPECT_THAT(Template("controller: {replica: 3}\n"), IsRefused("replica"));
  EXPECT_THAT(Template("agents: {}\n"), IsRefused("agents"));
  EXPECT_THAT(Template("controller: {unmatchedNodes: Trust}\n"), IsRefused("unmatchedNodes"));
  EXPECT_THAT(Template("protection: {startupTaint: true}\n"), IsRefused("startupTaint"));
  EXPECT_THAT(Template("rbac: {configMaps: [{name: a}]}\n"), IsRefused("namespace"));
  EXPECT_THAT(Template("agent: {logs: {boot: true}}\n"), IsRefused("boot"));
}

TEST(Chart, RefusesALabelThatAKubeletCouldWrite) {
  EXPECT_THAT(Template("enforcement: {label: {key: plimsoll.dev/trusted}}\n"),
              IsRefused("/enforcement/label/key"));
  EXPECT_THAT(
      Template("enforcement: {label: {key: \"evil-node-restriction.kubernetes.io/trusted\"}}\n"),
      IsRefused("/enforcement/label/key"));
  EXPECT_THAT(Template("enforcement: {label: {key: node-restriction.kubernetes.io/trusted}}\n"),
              IsAccepted());
}

// Values go into expressions that decide who may write marks.
TEST(Chart, RefusesAValueThatWouldChangeAnExpression) {
  EXPECT_THAT(Template("protection: {breakGlassGroups: [\"a'] || true || g in ['\"]}\n"),
              IsRefused("/protection/breakGlassGroups"));
  EXPECT_THAT(Template("protection: {breakGlassGroups: ['a\"b']}\n"),
              IsRefused("/protection/breakGlassGroups"));
  EXPECT_THAT(Template("protection: {controllerNodes: [\"a'\"]}\n"),
              IsRefused("/protection/controllerNodes"));
  EXPECT_THAT(Template("enforcement: {nodeCondition: {type: \"a'b/c\"}}\n"),
              IsRefused("/enforcement/nodeCondition/type"));
  EXPECT_THAT(Template("enforcement: {taint: {key: \"a'b/c\"}}\n"),
              IsRefused("/enforcement/taint/key"));
}

TEST(Chart, SendsTheLogsThatTheValuesName) {
  const std::string boot_alone = Template("{}").out;
  EXPECT_NE(boot_alone.find("--boot-event-log=/host/securityfs/tpm0/binary_bios_measurements"),
            std::string::npos);
  EXPECT_NE(boot_alone.find("--ima-list=none"), std::string::npos);
  EXPECT_NE(boot_alone.find("path: /sys/kernel/security"), std::string::npos);
  const std::string both = Template("agent: {logs: {ima: true}}\n").out;
  EXPECT_NE(both.find("--ima-list=/host/securityfs/ima/binary_runtime_measurements"),
            std::string::npos);
  const std::string none = Template("agent: {logs: {bootEventLog: false}}\n").out;
  EXPECT_NE(none.find("--boot-event-log=none"), std::string::npos);
  EXPECT_EQ(none.find("/sys/kernel/security"), std::string::npos)
      << "what is not sent is not mounted";
}

TEST(Chart, RefusesAnOldKubernetes) {
  EXPECT_THAT(Template("{}", {"--kube-version", "1.30.9"}), IsRefused("1.31.0"));
}

TEST(Chart, PassesKeysAndAddressesToBothPrograms) {
  const std::string yaml = Template(
                               "enforcement: {taint: {key: example.org/bad}, nodeCondition: {type: "
                               "example.org/Attested}}\nagent: {tcti: \"swtpm:port=2321\"}\n")
                               .out;
  for (const char* argument :
       {"--taint-key=example.org/bad", "--condition-type=example.org/Attested",
        "--agent-service-account=plimsoll-system:plimsoll-agent", "--tcti=swtpm:port=2321",
        "--controller-name=plimsoll-controller.plimsoll-system.svc", "key: \"example.org/bad\"",
        "t.key == 'example.org/bad'", "c.type == 'example.org/Attested'"}) {
    EXPECT_NE(yaml.find(argument), std::string::npos) << argument;
  }
}

TEST(Chart, GivesOnlyFlagsThatTheProgramsKnow) {
  std::istringstream yaml(Template("{}").out);
  std::string help;
  int flags = 0;
  for (std::string line; std::getline(yaml, line);) {
    const size_t command = line.find("command: [");
    if (command != std::string::npos) {
      const std::string name = line.substr(command + 10, line.find(']') - command - 10);
      const CommandResult result =
          cluster::Run({std::string(PLIMSOLL_BINARY_DIR) + "/bin/" + name, "--help"});
      ASSERT_THAT(result, IsAccepted());
      help = result.out;
    }
    const size_t flag = line.find("- --");
    if (flag != std::string::npos) {
      const std::string name = line.substr(flag + 2, line.find('=') - flag - 2);
      EXPECT_NE(help.find(name + " "), std::string::npos) << name << " is not in\n" << help;
      ++flags;
    }
  }
  EXPECT_GT(flags, 15);
}

TEST(Chart, PrefersADigestToATag) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string yaml = Template(
                               "global: {imageRegistry: mirror.example}\nimage: {repository: "
                               "a/plimsoll, tag: \"1\", digest: \"" +
                               digest + "\"}\n")
                               .out;
  EXPECT_NE(yaml.find("image: \"mirror.example/a/plimsoll@" + digest + "\""), std::string::npos);
}

TEST(Chart, LeavesOutWhatIsSwitchedOff) {
  const std::string yaml =
      Template("crds: {enabled: false}\nrbac: {create: false}\nprotection: {enabled: false}\n").out;
  EXPECT_NE(yaml.find("kind: Deployment"), std::string::npos);
  for (const char* kind :
       {"kind: CustomResourceDefinition", "kind: ClusterRole", "kind: ValidatingAdmissionPolicy"}) {
    EXPECT_EQ(yaml.find(kind), std::string::npos) << kind;
  }
}

// No kubelet runs here: what is shown is that the API server takes the objects, and that an upgrade
// and a new installation work.
TEST(Chart, InstallsUpgradesAndUninstallsAndKeepsTheCrds) {
  Cluster().InstallChart();
  EXPECT_THAT(
      Cluster().Kubectl({"get", "-n", std::string(kNamespace), "deployment/plimsoll-controller",
                         "daemonset/plimsoll-agent", "service/plimsoll-controller",
                         "poddisruptionbudget/plimsoll-controller"}),
      IsAccepted());
  Cluster().InstallChart("controller: {replicas: 1}\n");
  EXPECT_FALSE(Cluster()
                   .Kubectl({"get", "-n", std::string(kNamespace),
                             "poddisruptionbudget/plimsoll-controller"})
                   .ok());
  ASSERT_THAT(Cluster().Helm({"uninstall", "plimsoll", "-n", std::string(kNamespace)}),
              IsAccepted());
  for (const KindNames& names : kKinds) {
    EXPECT_THAT(Cluster().Kubectl({"get", "crd", std::string(names.resource) + ".plimsoll.dev"}),
                IsAccepted());
  }
  EXPECT_FALSE(
      Cluster()
          .Kubectl({"get", "-n", std::string(kNamespace), "deployment/plimsoll-controller"})
          .ok());
  Cluster().InstallChart();
  EXPECT_THAT(
      Cluster().Kubectl({"get", "-n", std::string(kNamespace), "deployment/plimsoll-controller"}),
      IsAccepted());
}

}  // namespace
}  // namespace plimsoll::cluster
