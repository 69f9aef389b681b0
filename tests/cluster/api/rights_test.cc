// What the roles of the chart allow, and nothing more (verification-checks N6).
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

std::string Identity(char digit, std::string_view decision) {
  const std::string key(64, digit);
  return Object("TPMIdentity", "ek-" + key.substr(0, 32),
                "spec: {nodeName: node-a, endorsementKeySHA256: \"" + key +
                    "\", decision: " + std::string(decision) + "}");
}

std::string NameOf(char digit) { return "ek-" + std::string(32, digit); }

class Rights : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Cluster().InstallChart();
    // ada approves, bob may edit identities in every way but approve, vera views.
    EXPECT_THAT(Cluster().Apply(R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: identity-editor}
rules:
- {apiGroups: [plimsoll.dev], resources: [tpmidentities], verbs: ["get", "create", "update", "patch", "delete"]}
)"),
                IsAccepted());
    // Roles are aggregated by the controller manager, which is not here: vera gets what it would
    // add to `view`.
    for (const auto& [user, role] : {std::pair{"ada", "plimsoll-identity-approver"},
                                     {"bob", "identity-editor"},
                                     {"vera", "plimsoll-viewer"},
                                     {"paul", "plimsoll-policy-editor"}}) {
      EXPECT_THAT(
          Cluster().Apply(
              std::string("apiVersion: rbac.authorization.k8s.io/v1\nkind: "
                          "ClusterRoleBinding\nmetadata: {name: ") +
              user +
              "}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: " + role +
              "}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user +
              "}]\n"),
          IsAccepted());
    }
    EXPECT_TRUE(Eventually([] {
      return Cluster().Kubectl({"auth", "can-i", "get", "apol", "--as=vera"}).ok();
    }));
  }

  static bool May(std::string_view who, const std::vector<std::string>& what) {
    std::vector<std::string> arguments{"auth", "can-i", "--quiet", "--as=" + std::string(who)};
    arguments.insert(arguments.end(), what.begin(), what.end());
    return Cluster().Kubectl(arguments).ok();
  }
};

constexpr std::string_view kController =
    "system:serviceaccount:plimsoll-system:plimsoll-controller";
constexpr std::string_view kAgent = "system:serviceaccount:plimsoll-system:plimsoll-agent";

// Lines of `kubectl auth can-i --list` with runs of blanks made one.
std::set<std::string> RightsOf(std::string_view user, std::string_view ns) {
  std::istringstream out(Cluster()
                             .Kubectl({"auth", "can-i", "--list", "--no-headers",
                                       "--as=" + std::string(user), "-n", std::string(ns)})
                             .out);
  std::set<std::string> rights;
  for (std::string line; std::getline(out, line);) {
    std::istringstream words(line);
    std::string right;
    for (std::string word; words >> word;) {
      right += (right.empty() ? "" : " ") + word;
    }
    rights.insert(right);
  }
  return rights;
}

TEST_F(Rights, N6_AnAgentMayWhatEveryServiceAccountMayAndNothingElse) {
  ASSERT_THAT(
      Cluster().Kubectl({"create", "serviceaccount", "nobody", "-n", std::string(kNamespace)}),
      IsAccepted());
  const std::set<std::string> anybody =
      RightsOf("system:serviceaccount:plimsoll-system:nobody", kNamespace);
  ASSERT_GT(anybody.size(), 3U) << "an empty answer proves nothing";
  EXPECT_EQ(RightsOf(kAgent, kNamespace), anybody);
  for (const std::string& right : anybody) {
    EXPECT_TRUE(right.find("[/") != std::string::npos || right.starts_with("self") ||
                right.starts_with("clustertrustbundles"))
        << right;
  }
}

TEST_F(Rights, N6_TheControllerMayWhatTheDesignSays) {
  for (const std::vector<std::string>& allowed : std::initializer_list<std::vector<std::string>>{
           {"watch", "nodes"},
           {"patch", "nodes"},
           {"patch", "nodes", "--subresource=status"},
           {"watch", "apol"},
           {"update", "apol", "--subresource=status"},
           {"create", "tpmid"},
           {"update", "natt", "--subresource=status"},
           {"create", "tokenreviews"},
           {"create", "events.events.k8s.io"},
           {"get", "namespace/kube-system"},
           {"update", "leases/plimsoll-controller", "-n", "plimsoll-system"},
           {"get", "secrets/plimsoll-controller-tls", "-n", "plimsoll-system"},
           {"patch", "configmaps/plimsoll-controller-ca", "-n", "plimsoll-system"}}) {
    EXPECT_TRUE(May(kController, allowed)) << testing::PrintToString(allowed);
  }
}

TEST_F(Rights, N6_TheControllerMayNothingElse) {
  for (const std::vector<std::string>& denied : std::initializer_list<std::vector<std::string>>{
           {"delete", "nodes"},
           {"create", "nodes"},
           {"update", "nodes"},
           {"get", "pods"},
           {"create", "pods"},
           {"create", "pods/exec"},
           {"get", "secrets"},
           {"get", "secrets", "-n", "plimsoll-system"},
           {"get", "secrets/other", "-n", "plimsoll-system"},
           {"list", "configmaps", "-n", "plimsoll-system"},
           {"get", "configmaps", "-n", "kube-system"},
           {"get", "namespace/default"},
           {"update", "apol"},
           {"patch", "apol"},
           {"update", "eka"},
           {"update", "natt"},
           {"approve", "tpmid"},
           {"create", "serviceaccounts/token"},
           {"impersonate", "users"},
           {"create", "clusterroles"},
           {"delete", "leases", "-n", "plimsoll-system"}}) {
    EXPECT_FALSE(May(kController, denied)) << testing::PrintToString(denied);
  }
}

TEST_F(Rights, PeopleMayWhatTheirRoleSays) {
  EXPECT_TRUE(May("vera", {"list", "natt"}));
  EXPECT_FALSE(May("vera", {"update", "natt", "--subresource=status"}));
  EXPECT_FALSE(May("vera", {"update", "apol"}));
  EXPECT_TRUE(May("paul", {"create", "apol"}));
  EXPECT_TRUE(May("paul", {"patch", "eka"}));
  EXPECT_FALSE(May("paul", {"patch", "tpmid"}));
  EXPECT_FALSE(May("paul", {"update", "apol", "--subresource=status"}));
  EXPECT_TRUE(May("ada", {"approve", "tpmid"}));
  EXPECT_FALSE(May("ada", {"update", "tpmid", "--subresource=status"}));
}

// A user who edits identities does not thereby vouch for one.
class Approval : public Rights {
 protected:
  static CommandResult PatchAs(const std::string& user, const std::string& name,
                               std::string_view spec) {
    return Cluster().Kubectl({"patch", "tpmid", name, "--as=" + user, "--type=merge", "-p",
                              "{\"spec\":" + std::string(spec) + "}"});
  }
  static CommandResult CreateAs(const std::string& user, const std::string& yaml) {
    return Cluster().Kubectl({"create", "--as=" + user, "-f", "-"}, yaml);
  }
  static constexpr std::string_view kLacks =
      "lacks the verb approve on tpmidentities.plimsoll.dev/ek-";
};

TEST_F(Approval, NeedsTheVerbApprove) {
  ASSERT_THAT(CreateAs("bob", Identity('1', "Pending")), IsAccepted());
  EXPECT_THAT(PatchAs("bob", NameOf('1'), R"({"decision":"Approved"})"), IsRefused(kLacks));
  EXPECT_THAT(
      PatchAs("ada", NameOf('1'), R"({"decision":"Approved","decisionReason":"asset 88213"})"),
      IsAccepted());
}

TEST_F(Approval, CannotBeSmuggledInAtCreation) {
  EXPECT_THAT(CreateAs("bob", Identity('2', "Approved")), IsRefused(kLacks));
  EXPECT_THAT(CreateAs("ada", Identity('2', "Approved")), IsAccepted());
}

TEST_F(Approval, ProtectsWhatIsApproved) {
  ASSERT_THAT(CreateAs("ada", Identity('3', "Approved")), IsAccepted());
  EXPECT_THAT(PatchAs("bob", NameOf('3'), R"({"decision":"Pending"})"), IsRefused(kLacks));
  EXPECT_THAT(PatchAs("bob", NameOf('3'), R"({"decisionReason":"mine"})"), IsRefused(kLacks));
}

TEST_F(Approval, IsNeededToForgetADenialOrRevocation) {
  ASSERT_THAT(CreateAs("bob", Identity('4', "Pending")), IsAccepted());
  ASSERT_THAT(PatchAs("bob", NameOf('4'), R"({"decision":"Denied"})"), IsAccepted());
  const auto remove = [](const std::string& user) {
    return Cluster().Kubectl({"delete", "tpmid", NameOf('4'), "--as=" + user});
  };
  EXPECT_THAT(remove("bob"), IsRefused(kLacks));
  EXPECT_THAT(remove("ada"), IsAccepted());
}

TEST_F(Approval, IsNotTheControllers) {
  const std::string controller =
      Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-controller");
  ASSERT_THAT(Cluster().KubectlAs(controller, {"create", "-f", "-"}, Identity('5', "Pending")),
              IsAccepted());
  EXPECT_THAT(Cluster().KubectlAs(controller, {"patch", "tpmid", NameOf('5'), "--type=merge", "-p",
                                               R"({"spec":{"decision":"Approved"}})"}),
              IsRefused(kLacks));
  EXPECT_THAT(Cluster().KubectlAs(controller, {"patch", "tpmid", NameOf('5'), "--type=merge", "-p",
                                               R"({"spec":{"nodeName":"node-b"}})"}),
              IsAccepted());
  EXPECT_THAT(Cluster().KubectlAs(controller, {"delete", "tpmid", NameOf('5')}), IsAccepted());
}

}  // namespace
}  // namespace plimsoll::cluster
