// Who may write the trust label, the taint and the Node condition (verification-checks E47, E49).
#include <gtest/gtest.h>

#include <fstream>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

constexpr std::string_view kOnlyTheController = "only the Plimsoll controller changes";

std::string LabelPatch(std::string_view value) {
  return R"({"metadata":{"labels":{")" + std::string(kTrustLabel) + R"(":")" + std::string(value) +
         R"("}}})";
}

constexpr std::string_view kUntilLabel =
    "plimsoll.dev.node-restriction.kubernetes.io/trusted-until";

std::string UntilPatch(std::string_view value) {
  return R"({"metadata":{"labels":{")" + std::string(kUntilLabel) + R"(":")" + std::string(value) +
         R"("}}})";
}

constexpr std::string_view kTaintPatch =
    R"({"spec":{"taints":[{"key":"plimsoll.dev/untrusted","value":"PCRMismatch","effect":"NoSchedule"}]}})";

CommandResult PatchAs(const std::string& kubeconfig, std::string_view node,
                      std::string_view patch) {
  return Cluster().KubectlAs(kubeconfig, {"patch", "node", std::string(node), "--type=strategic",
                                          "-p", std::string(patch)});
}

// Writes a condition of nodes/status by server-side apply, which unlike kubectl patch needs no
// right to read it first.
CommandResult SetCondition(const std::string& kubeconfig, std::string_view node,
                           std::string_view type, std::string_view manager = "test") {
  return Cluster().KubectlAs(kubeconfig,
                             {"apply", "--server-side", "--subresource=status", "--field-manager",
                              std::string(manager), "-f", "-"},
                             "apiVersion: v1\nkind: Node\nmetadata: {name: " + std::string(node) +
                                 "}\nstatus: {conditions: [{type: " + std::string(type) +
                                 ", status: \"True\"}]}\n");
}

class NodeMarks : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }

  static std::string Admin() { return Cluster().kubeconfig(); }
  static std::string Controller() { return ControllerKubeconfig(); }

  // A kubeconfig with the server alone, for a token on the command line.
  static std::string NoCredential() {
    const std::string path = Cluster().directory() + "/no-credential.kubeconfig";
    std::ofstream(path) << "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{name: "
                           "test, cluster: {server: \""
                        << Cluster().server() << "\", certificate-authority: \""
                        << Cluster().ca_file()
                        << "\"}}]\ncontexts: [{name: test, context: {cluster: test}}]\n";
    return path;
  }
};

TEST_F(NodeMarks, E47_AKubeletCannotWriteTheMarksOfItsOwnNode) {
  Cluster().CreateNode("marks-kubelet");
  const std::string kubelet = Cluster().NodeKubeconfig("marks-kubelet");
  ASSERT_THAT(PatchAs(kubelet, "marks-kubelet", R"({"metadata":{"annotations":{"a":"b"}}})"),
              IsAccepted());
  EXPECT_THAT(PatchAs(kubelet, "marks-kubelet", LabelPatch("true")),
              IsRefused("is not allowed to modify labels"));
  EXPECT_THAT(PatchAs(kubelet, "marks-kubelet", UntilPatch("4102444800")),
              IsRefused("is not allowed to modify labels"));
  EXPECT_THAT(PatchAs(kubelet, "marks-kubelet", kTaintPatch),
              IsRefused("is not allowed to modify taints"));
  // NodeRestriction lets a kubelet write any condition of its own: this one is the admission
  // policy's work.
  EXPECT_THAT(SetCondition(kubelet, "marks-kubelet", "plimsoll.dev/Trusted"),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(SetCondition(kubelet, "marks-kubelet", "Ready"), IsAccepted());
}

TEST_F(NodeMarks, E47_AnAdministratorCannotWriteThemEither) {
  Cluster().CreateNode("marks-admin");
  EXPECT_THAT(PatchAs(Admin(), "marks-admin", LabelPatch("true")), IsRefused(kOnlyTheController));
  EXPECT_THAT(PatchAs(Admin(), "marks-admin", UntilPatch("4102444800")),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(PatchAs(Admin(), "marks-admin", kTaintPatch), IsRefused(kOnlyTheController));
  EXPECT_THAT(SetCondition(Admin(), "marks-admin", "plimsoll.dev/Trusted"),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(PatchAs(Admin(), "marks-admin",
                      R"({"metadata":{"labels":{"other":"label"}},"spec":{"unschedulable":true}})"),
              IsAccepted());
}

TEST_F(NodeMarks, E47_TheLabelCannotComeInThroughTheStatus) {
  Cluster().CreateNode("marks-status");
  const auto apply = [](const std::string& kubeconfig, std::string_view label) {
    return Cluster().KubectlAs(
        kubeconfig,
        {"apply", "--server-side", "--subresource=status", "--field-manager=test", "-f", "-"},
        "apiVersion: v1\nkind: Node\nmetadata: {name: marks-status, labels: {" +
            std::string(label) + ": \"true\"}}\n");
  };
  // The API server does take labels by this way.
  ASSERT_THAT(apply(Admin(), "other"), IsAccepted());
  EXPECT_THAT(apply(Admin(), kTrustLabel), IsRefused(kOnlyTheController));
  EXPECT_THAT(apply(Admin(), kUntilLabel), IsRefused(kOnlyTheController));
  EXPECT_THAT(apply(Cluster().NodeKubeconfig("marks-status"), kTrustLabel),
              IsRefused("is not allowed to modify labels"));
}

TEST_F(NodeMarks, E47_NobodyElseTakesThemAway) {
  Cluster().CreateNode("marks-removed");
  const std::string controller = Controller();
  ASSERT_THAT(PatchAs(controller, "marks-removed", LabelPatch("false")), IsAccepted());
  ASSERT_THAT(PatchAs(controller, "marks-removed", UntilPatch("4102444800")), IsAccepted());
  ASSERT_THAT(PatchAs(controller, "marks-removed", kTaintPatch), IsAccepted());
  ASSERT_THAT(SetCondition(controller, "marks-removed", "plimsoll.dev/Trusted"), IsAccepted());
  EXPECT_THAT(Cluster().Kubectl({"label", "node", "marks-removed", std::string(kTrustLabel) + "-"}),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(Cluster().Kubectl({"label", "node", "marks-removed", std::string(kUntilLabel) + "-"}),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(Cluster().Kubectl({"taint", "node", "marks-removed", "plimsoll.dev/untrusted-"}),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(
      Cluster().Kubectl(
          {"patch", "node", "marks-removed", "--subresource=status", "--type=strategic", "-p",
           R"({"status":{"conditions":[{"$patch":"delete","type":"plimsoll.dev/Trusted"}]}})"}),
      IsRefused(kOnlyTheController));
  // Other taints may come and go beside ours.
  EXPECT_THAT(Cluster().Kubectl({"taint", "node", "marks-removed", "other=value:NoSchedule"}),
              IsAccepted());
  EXPECT_THAT(PatchAs(controller, "marks-removed", R"({"spec":{"taints":null}})"), IsAccepted());
}

TEST_F(NodeMarks, E49_ANodeCannotBeMadeAnewWithTheMarksOfTrust) {
  const auto node = [](std::string_view labels, std::string_view rest) {
    return "apiVersion: v1\nkind: Node\nmetadata: {name: marks-new, labels: " +
           std::string(labels) + "}\n" + std::string(rest) + "\n";
  };
  const std::string trusted = "{" + std::string(kTrustLabel) + ": \"true\"}";
  EXPECT_THAT(Propose(node("{}", "")), IsAccepted());
  EXPECT_THAT(Propose(node(trusted, "")), IsRefused(kOnlyTheController));
  EXPECT_THAT(Propose(node("{" + std::string(kUntilLabel) + ": \"4102444800\"}", "")),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(
      Propose(node("{}", "status: {conditions: [{type: plimsoll.dev/Trusted, status: \"True\"}]}")),
      IsRefused(kOnlyTheController));
  EXPECT_THAT(ProposeAs(Cluster().NodeKubeconfig("marks-new"), node(trusted, "")),
              IsRefused("is not allowed to set the following labels"));
}

TEST_F(NodeMarks, AKubeletMayRegisterWithAStartupTaint) {
  EXPECT_THAT(ProposeAs(Cluster().NodeKubeconfig("marks-startup"), R"(
apiVersion: v1
kind: Node
metadata: {name: marks-startup}
spec: {taints: [{key: plimsoll.dev/untrusted, value: Pending, effect: NoSchedule}]}
)"),
              IsAccepted());
}

TEST_F(NodeMarks, TheControllerWritesAllOfThem) {
  Cluster().CreateNode("marks-controller");
  const std::string controller = Controller();
  EXPECT_THAT(PatchAs(controller, "marks-controller", LabelPatch("unknown")), IsAccepted());
  EXPECT_THAT(PatchAs(controller, "marks-controller", kTaintPatch), IsAccepted());
  EXPECT_THAT(SetCondition(controller, "marks-controller", "plimsoll.dev/Trusted"), IsAccepted());
  EXPECT_THAT(Cluster().KubectlAs(controller, {"delete", "node", "marks-controller"}),
              IsRefused("cannot delete resource \"nodes\""));
}

TEST_F(NodeMarks, BreakGlassGroupsAndKeysComeFromTheValues) {
  Cluster().InstallChart(
      "protection: {breakGlassGroups: [fire-brigade]}\n"
      "enforcement: {label: {key: example.org.node-restriction.kubernetes.io/ok}, taint: {key: "
      "example.org/bad}}\n");
  Cluster().CreateNode("marks-values");
  const auto label = [](std::vector<std::string> extra) {
    std::vector<std::string> arguments{"label", "node", "marks-values", "--overwrite",
                                       "example.org.node-restriction.kubernetes.io/ok=true"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return Cluster().Kubectl(arguments);
  };
  EXPECT_TRUE(Eventually([&] { return !label({"--dry-run=server"}).ok(); }))
      << "the new policy does not bite";
  EXPECT_THAT(label({}), IsRefused(kOnlyTheController));
  EXPECT_THAT(label({"--as=ada", "--as-group=fire-brigade", "--as-group=system:masters"}),
              IsAccepted());
  EXPECT_THAT(Cluster().Kubectl({"taint", "node", "marks-values", "example.org/bad=x:NoSchedule"}),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(
      Cluster().Kubectl({"label", "node", "marks-values",
                         "example.org.node-restriction.kubernetes.io/trusted-until=4102444800"}),
      IsRefused(kOnlyTheController));
  InstallKinds();
  EXPECT_TRUE(Eventually([&] {
    return Cluster()
        .Kubectl({"label", "node", "marks-values", "--overwrite", "--dry-run=server",
                  "example.org.node-restriction.kubernetes.io/ok=false"})
        .ok();
  })) << "the old key is nobody's again";
}

TEST_F(NodeMarks, E48_ANodeWithoutTheStartupTaintIsRefusedWhereItIsDemanded) {
  const auto node = [](std::string_view taints) {
    return "apiVersion: v1\nkind: Node\nmetadata: {name: marks-demanded}\nspec: {taints: " +
           std::string(taints) + "}\n";
  };
  const std::string kubelet = Cluster().NodeKubeconfig("marks-demanded");
  EXPECT_THAT(ProposeAs(kubelet, node("[]")), IsAccepted()) << "nothing is demanded yet";
  Cluster().InstallChart(
      "protection: {requireStartupTaint: true, breakGlassGroups: [fire-brigade]}\n");
  constexpr std::string_view kDemand =
      "a Node must be created with the taint plimsoll.dev/untrusted (kubelet: "
      "--register-with-taints=plimsoll.dev/untrusted=Pending:NoSchedule)";
  EXPECT_TRUE(Eventually([&] { return !ProposeAs(kubelet, node("[]")).ok(); }))
      << "the new policy does not bind";
  for (const char* taints :
       {"[]", "[{key: other, effect: NoSchedule}]",
        "[{key: plimsoll.dev/untrusted, value: Pending, effect: PreferNoSchedule}]"}) {
    EXPECT_THAT(ProposeAs(kubelet, node(taints)), IsRefused(kDemand)) << taints;
    EXPECT_THAT(Propose(node(taints)), IsRefused(kDemand)) << taints;
  }
  for (const char* effect : {"NoSchedule", "NoExecute"}) {
    EXPECT_THAT(ProposeAs(kubelet, node("[{key: plimsoll.dev/untrusted, value: Pending, effect: " +
                                        std::string(effect) + "}]")),
                IsAccepted());
  }
  EXPECT_THAT(Cluster().Kubectl({"create", "--dry-run=server", "-f", "-", "--as=ada",
                                 "--as-group=fire-brigade", "--as-group=system:masters"},
                                node("[]")),
              IsAccepted());
  InstallKinds();
  EXPECT_TRUE(Eventually([&] { return ProposeAs(kubelet, node("[]")).ok(); }));
}

// A stolen token of the controller, used anywhere but on a node that the controller runs on.
TEST_F(NodeMarks, AreTakenFromTheControllersOwnNodesAloneWhereThoseAreNamed) {
  Cluster().CreateNode("marks-cp-1");
  Cluster().CreateNode("marks-worker");
  const auto controller_on = [](std::string_view node) {
    return Cluster().CreateServiceAccountToken(kNamespace, "plimsoll-controller",
                                               "controller-on-" + std::string(node), node,
                                               std::string_view());
  };
  const auto label = [](const std::string& token, const std::string& value) {
    return Cluster().KubectlAs(
        NoCredential(), {"patch", "node", "marks-worker", "--dry-run=server", "--type=strategic",
                         "-p", LabelPatch(value), "--token=" + token});
  };
  const std::string here = controller_on("marks-cp-1");
  const std::string elsewhere = controller_on("marks-worker");
  EXPECT_THAT(label(elsewhere, "true"), IsAccepted()) << "no nodes are named yet";
  Cluster().InstallChart("protection: {controllerNodes: [marks-cp-1, marks-cp-2]}\n");
  EXPECT_TRUE(Eventually([&] { return !label(elsewhere, "true").ok(); }))
      << "the new policy does not bind";
  constexpr std::string_view kOwnNodes = "only the Plimsoll controller on one of its own nodes";
  EXPECT_THAT(label(elsewhere, "true"), IsRefused(kOwnNodes));
  EXPECT_THAT(PatchAs(Controller(), "marks-worker", LabelPatch("true")), IsRefused(kOwnNodes))
      << "a token that is bound to no pod";
  EXPECT_THAT(PatchAs(Admin(), "marks-worker", LabelPatch("true")), IsRefused(kOwnNodes));
  EXPECT_THAT(label(here, "true"), IsAccepted());
  InstallKinds();
  EXPECT_TRUE(Eventually([&] { return label(elsewhere, "true").ok(); }));
}

}  // namespace
}  // namespace plimsoll::cluster
