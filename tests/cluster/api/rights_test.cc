// What the roles of the chart allow, and nothing more (verification-checks N6).
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "cluster/api/people.h"

namespace plimsoll::cluster {
namespace {

using Request = std::vector<std::string>;
using Requests = std::initializer_list<Request>;

class Rights : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InstallKinds();
    // Roles are aggregated by the controller manager, which is not here: vera gets what it would
    // add to `view`.
    for (const auto& [user, role] : {std::pair{"ada", "plimsoll-identity-approver"},
                                     {"vera", "plimsoll-viewer"},
                                     {"paul", "plimsoll-policy-editor"},
                                     {"rolf", "plimsoll-reference-editor"},
                                     {"rita", "plimsoll-responder"},
                                     {"erin", "plimsoll-exception-editor"},
                                     {"audrey", "plimsoll-auditor"}}) {
      BindClusterRole(user, role);
    }
    EXPECT_THAT(Cluster().Apply(R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: audrey, namespace: plimsoll-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: plimsoll-auditor}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: audrey}]
)"),
                IsAccepted());
    EXPECT_TRUE(Eventually([] {
      return May("audrey", {"get", "apol"}) &&
             May("audrey", {"list", "pods", "-n", "plimsoll-system"});
    }));
  }

  static void ExpectAll(std::string_view who, Requests allowed) {
    for (const Request& request : allowed) {
      EXPECT_TRUE(May(who, request)) << who << " " << testing::PrintToString(request);
    }
  }
  static void ExpectNone(std::string_view who, Requests denied) {
    for (const Request& request : denied) {
      EXPECT_FALSE(May(who, request)) << who << " " << testing::PrintToString(request);
    }
  }
};

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

// What a ServiceAccount without any binding may.
std::set<std::string> RightsOfAnybody() {
  Cluster().EnsureServiceAccount(kNamespace, "nobody");
  return RightsOf("system:serviceaccount:plimsoll-system:nobody", kNamespace);
}

TEST_F(Rights, N6_AnAgentMayWhatEveryServiceAccountMayAndNothingElse) {
  const std::set<std::string> anybody = RightsOfAnybody();
  ASSERT_GT(anybody.size(), 3U) << "an empty answer proves nothing";
  EXPECT_EQ(RightsOf(kAgentUser, kNamespace), anybody);
  EXPECT_EQ(RightsOf("system:serviceaccount:plimsoll-system:plimsoll-auditor", kNamespace), anybody)
      << "the auditor's ServiceAccount is a name, not a right";
  for (const std::string& right : anybody) {
    EXPECT_TRUE(right.find("[/") != std::string::npos || right.starts_with("self") ||
                right.starts_with("clustertrustbundles"))
        << right;
  }
}

TEST_F(Rights, N6_TheControllerMayWhatTheDesignSays) {
  for (const KindNames& names : kKinds) {
    const std::string resource(names.resource);
    ExpectAll(kControllerUser, {{"get", resource},
                                {"list", resource},
                                {"watch", resource},
                                {"update", resource, "--subresource=status"},
                                {"patch", resource, "--subresource=status"}});
  }
  ExpectAll(
      kControllerUser,
      {{"watch", "nodes"},
       {"patch", "nodes"},
       {"patch", "nodes", "--subresource=status"},
       {"create", "tpmid"},
       {"delete", "tpmid"},
       {"create", "natt"},
       {"delete", "natt"},
       {"create", "tokenreviews"},
       {"create", "subjectaccessreviews"},
       {"create", "events.events.k8s.io"},
       {"get", "namespace/kube-system"},
       {"create", "leases", "-n", "plimsoll-system"},
       {"update", "leases/plimsoll-controller", "-n", "plimsoll-system"},
       {"get", "secrets/plimsoll-controller-tls", "-n", "plimsoll-system"},
       {"patch", "configmaps/plimsoll-controller-ca", "-n", "plimsoll-system"},
       {"create", "controllerrevisions", "-n", "plimsoll-system"},
       {"delete", "controllerrevisions", "-n", "plimsoll-system"},
       {"get", "deployments/plimsoll-controller", "--subresource=scale", "-n", "plimsoll-system"},
       {"patch", "deployments/plimsoll-controller", "--subresource=scale", "-n",
        "plimsoll-system"}});
}

// The whole list: a right that is added to the chart without being added here fails.
TEST_F(Rights, N6_TheControllerMayNothingElseInItsNamespace) {
  std::set<std::string> rights = RightsOf(kControllerUser, kNamespace);
  for (const std::string& right : RightsOfAnybody()) {
    rights.erase(right);
  }
  const std::string kinds = ".plimsoll.dev";
  std::set<std::string> expected = {
      "nodes [] [] [get list watch patch]",
      "nodes/status [] [] [patch]",
      "namespaces [] [kube-system] [get]",
      "tokenreviews.authentication.k8s.io [] [] [create]",
      "subjectaccessreviews.authorization.k8s.io [] [] [create]",
      "events.events.k8s.io [] [] [create update patch]",
      "clustertrustbundles.certificates.k8s.io [] [] [get list watch]",
      "leases.coordination.k8s.io [] [] [create]",
      "leases.coordination.k8s.io [] [plimsoll-controller] [get list watch update patch]",
      "secrets [] [] [create]",
      "secrets [] [plimsoll-controller-tls] [get list watch update patch]",
      "configmaps [] [] [create]",
      "configmaps [] [plimsoll-controller-ca] [get list watch update patch]",
      "controllerrevisions.apps [] [] [get list watch create delete]",
      "deployments.apps/scale [] [plimsoll-controller] [get patch]",
      "tpmidentities.plimsoll.dev [] [] [get list watch create delete]",
      "nodeattestations.plimsoll.dev [] [] [get list watch create delete]",
      "attestationpolicies.plimsoll.dev [] [] [get list watch]",
      "referencevalues.plimsoll.dev [] [] [get list watch]",
      "endorsementauthorities.plimsoll.dev [] [] [get list watch]",
      "attestationexceptions.plimsoll.dev [] [] [get list watch]"};
  for (const KindNames& names : kKinds) {
    expected.insert(std::string(names.resource) + ".plimsoll.dev/status [] [] [update patch]");
  }
  EXPECT_THAT(rights, testing::ContainerEq(expected));
}

TEST_F(Rights, N6_TheControllerMayNothingElseInTheCluster) {
  ExpectNone(kControllerUser,
             {{"delete", "nodes"},
              {"create", "nodes"},
              {"update", "nodes"},
              {"get", "pods"},
              {"create", "pods"},
              {"create", "pods/eviction"},
              {"create", "pods/exec"},
              {"get", "secrets"},
              {"get", "secrets", "-n", "plimsoll-system"},
              {"get", "secrets/other", "-n", "plimsoll-system"},
              {"list", "configmaps", "-n", "plimsoll-system"},
              {"get", "configmaps", "-n", "kube-system"},
              {"create", "configmaps", "-n", "kube-system"},
              {"get", "namespace/default"},
              {"update", "apol"},
              {"patch", "apol"},
              {"update", "refvals"},
              {"update", "eka"},
              {"update", "aexc"},
              {"update", "natt"},
              {"patch", "natt"},
              {"update", "tpmid"},
              {"patch", "tpmid"},
              {"approve", "tpmid"},
              {"except", "aexc"},
              {"acknowledge", "natt"},
              {"reattest", "natt"},
              {"create", "serviceaccounts/token"},
              {"create", "serviceaccounts/token", "-n", "plimsoll-system"},
              {"impersonate", "users"},
              {"create", "clusterroles"},
              {"bind", "clusterroles"},
              {"patch", "deployments/plimsoll-controller", "-n", "plimsoll-system"},
              {"patch", "deployments/other", "--subresource=scale", "-n", "plimsoll-system"},
              {"get", "controllerrevisions", "-n", "kube-system"},
              {"delete", "leases", "-n", "plimsoll-system"}});
}

TEST_F(Rights, ViewersSeeAllKindsAndChangeNone) {
  for (const char* who : {"vera", "audrey"}) {
    for (const KindNames& names : kKinds) {
      const std::string resource(names.resource);
      ExpectAll(who, {{"get", resource}, {"list", resource}, {"watch", resource}});
      ExpectNone(who, {{"create", resource},
                       {"update", resource},
                       {"delete", resource},
                       {"update", resource, "--subresource=status"}});
    }
  }
  ExpectNone("vera", {{"create", "serviceaccounts/plimsoll-auditor", "--subresource=token", "-n",
                       "plimsoll-system"},
                      {"list", "pods", "-n", "plimsoll-system"}});
}

TEST_F(Rights, TheViewersRoleIsPartOfViewUnlessToldOtherwise) {
  const auto label = [] {
    return Cluster()
        .Kubectl({"get", "clusterrole", "plimsoll-viewer", "-o",
                  R"(jsonpath={.metadata.labels.rbac\.authorization\.k8s\.io/aggregate-to-view})"})
        .out;
  };
  EXPECT_EQ(label(), "true");
  Cluster().InstallChart("rbac: {aggregateViewer: false}\n");
  EXPECT_EQ(label(), "");
  InstallKinds();
}

TEST_F(Rights, EveryEditorHasTheKindsOfItsRoleAndNoVerbOfAnother) {
  ExpectAll("paul", {{"create", "apol"}, {"delete", "apol"}, {"patch", "eka"}});
  ExpectNone("paul", {{"patch", "tpmid"},
                      {"create", "refvals"},
                      {"create", "aexc"},
                      {"update", "apol", "--subresource=status"}});
  ExpectAll("rolf", {{"create", "refvals"}, {"delete", "refvals"}});
  ExpectNone("rolf", {{"create", "apol"}, {"patch", "eka"}, {"create", "aexc"}});
  ExpectAll("ada", {{"approve", "tpmid"}, {"patch", "tpmid"}, {"create", "tpmid"}});
  ExpectNone("ada", {{"update", "tpmid", "--subresource=status"},
                     {"create", "apol"},
                     {"except", "aexc"},
                     {"acknowledge", "natt"}});
  ExpectAll("erin", {{"create", "aexc"}, {"except", "aexc"}, {"delete", "aexc"}});
  ExpectNone("erin", {{"create", "apol"}, {"approve", "tpmid"}, {"acknowledge", "natt"}});
  ExpectAll("rita", {{"patch", "natt"}, {"acknowledge", "natt"}, {"reattest", "natt"}});
  ExpectNone("rita", {{"patch", "natt", "--subresource=status"},
                      {"create", "natt"},
                      {"delete", "natt"},
                      {"approve", "tpmid"},
                      {"except", "aexc"}});
}

TEST_F(Rights, AnAuditorMayFetchEvidenceInTheNamespaceOfTheRelease) {
  const std::string token_of = "serviceaccounts/plimsoll-auditor";
  ExpectAll("audrey", {{"create", token_of, "--subresource=token", "-n", "plimsoll-system"},
                       {"list", "pods", "-n", "plimsoll-system"},
                       {"get", "pods", "--subresource=proxy", "-n", "plimsoll-system"}});
  ExpectNone("audrey", {{"create", "serviceaccounts/plimsoll-controller", "--subresource=token",
                         "-n", "plimsoll-system"},
                        {"create", token_of, "--subresource=token", "-n", "kube-system"},
                        {"list", "pods", "-n", "kube-system"},
                        {"get", "pods", "--subresource=proxy", "-n", "kube-system"},
                        {"get", "pods", "--subresource=exec", "-n", "plimsoll-system"},
                        {"get", "secrets", "-n", "plimsoll-system"}});
  EXPECT_THAT(As("audrey", {"create", "token", "plimsoll-auditor", "-n", std::string(kNamespace),
                            "--audience", std::string(kAudience)}),
              IsAccepted());
  EXPECT_THAT(
      As("audrey", {"create", "token", "plimsoll-controller", "-n", std::string(kNamespace)}),
      IsRefused("cannot create resource \"serviceaccounts/token\""));
}

TEST_F(Rights, TheControllerReadsTheConfigMapsOfTheValuesAndNoOthers) {
  Cluster().EnsureNamespace("vendors");
  Cluster().InstallChart(
      "rbac: {configMaps: [{namespace: vendors, name: tpm-roots}, {namespace: plimsoll-system, "
      "name: allow-list}]}\n");
  const auto all = Requests{{"get", "configmaps/tpm-roots", "-n", "vendors"},
                            {"list", "configmaps/tpm-roots", "-n", "vendors"},
                            {"watch", "configmaps/tpm-roots", "-n", "vendors"},
                            {"get", "configmaps/allow-list", "-n", "plimsoll-system"}};
  ASSERT_TRUE(Eventually([] {
    return May(kControllerUser, {"get", "configmaps/tpm-roots", "-n", "vendors"});
  }));
  ExpectAll(kControllerUser, all);
  ExpectNone(kControllerUser, {{"get", "configmaps/other", "-n", "vendors"},
                               {"list", "configmaps", "-n", "vendors"},
                               {"get", "configmaps/tpm-roots", "-n", "plimsoll-system"},
                               {"update", "configmaps/tpm-roots", "-n", "vendors"}});
  InstallKinds();
  EXPECT_TRUE(Eventually([] {
    return !May(kControllerUser, {"get", "configmaps/tpm-roots", "-n", "vendors"});
  }));
}

}  // namespace
}  // namespace plimsoll::cluster
