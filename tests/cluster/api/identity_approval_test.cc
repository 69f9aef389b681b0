// Who may vouch for a TPM, and who may take that back.
#include <gtest/gtest.h>

#include "cluster/api/people.h"

namespace plimsoll::cluster {
namespace {

std::string Identity(char digit, std::string_view decision, std::string_view source = "Manual") {
  const std::string key(64, digit);
  return Object("TPMIdentity", "ek-" + key.substr(0, 32),
                "spec: {nodeName: node-a, endorsementKeySHA256: \"" + key + "\", decision: " +
                    std::string(decision) + ", source: " + std::string(source) + "}");
}

std::string NameOf(char digit) { return "ek-" + std::string(32, digit); }

// ada approves; bob edits identities in every way but approve.
class Approval : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InstallKinds();
    BindClusterRole("ada", "plimsoll-identity-approver");
    MakePlainEditor("bob");
    EXPECT_TRUE(Eventually([] { return May("bob", {"patch", "tpmid"}); }));
    EXPECT_TRUE(Eventually([] {
      return !As("bob", {"create", "--dry-run=server", "-f", "-"}, Identity('0', "Approved")).ok();
    })) << "the admission policy does not bind";
  }

  static CommandResult Patch(std::string_view user, const std::string& name,
                             std::string_view patch) {
    return As(user, {"patch", "tpmid", name, "--type=merge", "-p", std::string(patch)});
  }
  static CommandResult Create(std::string_view user, const std::string& yaml) {
    return As(user, {"create", "-f", "-"}, yaml);
  }
  static constexpr std::string_view kLacks =
      "lacks the verb approve on tpmidentities.plimsoll.dev/ek-";
  static constexpr std::string_view kApprove = R"({"spec":{"decision":"Approved"}})";
};

TEST_F(Approval, NeedsTheVerbApprove) {
  ASSERT_THAT(Create("bob", Identity('1', "Pending")), IsAccepted());
  EXPECT_THAT(Patch("bob", NameOf('1'), kApprove), IsRefused(kLacks));
  EXPECT_THAT(Patch("ada", NameOf('1'),
                    R"({"spec":{"decision":"Approved","decisionReason":"asset 88213"}})"),
              IsAccepted());
}

TEST_F(Approval, CannotBeSmuggledInAtCreation) {
  EXPECT_THAT(Create("bob", Identity('2', "Approved")), IsRefused(kLacks));
  EXPECT_THAT(Create("ada", Identity('2', "Approved")), IsAccepted());
}

TEST_F(Approval, ProtectsWhatIsApproved) {
  ASSERT_THAT(Create("ada", Identity('3', "Approved")), IsAccepted());
  EXPECT_THAT(Patch("bob", NameOf('3'), R"({"spec":{"decision":"Pending"}})"), IsRefused(kLacks));
  EXPECT_THAT(Patch("bob", NameOf('3'), R"({"spec":{"decisionReason":"mine"}})"),
              IsRefused(kLacks));
}

TEST_F(Approval, IsNotNeededForLabelsWhichVouchForNothing) {
  ASSERT_THAT(Create("ada", Identity('6', "Approved")), IsAccepted());
  EXPECT_THAT(Patch("bob", NameOf('6'), R"({"metadata":{"labels":{"rack":"7"}}})"), IsAccepted());
  EXPECT_THAT(Patch("bob", NameOf('6'),
                    R"({"metadata":{"labels":{"rack":"8"}},"spec":{"decisionReason":"rack"}})"),
              IsRefused(kLacks));
}

TEST_F(Approval, IsNeededToForgetADenialOrRevocation) {
  for (const auto& [digit, decision] : {std::pair{'4', "Denied"}, {'7', "Revoked"}}) {
    ASSERT_THAT(Create("bob", Identity(digit, "Pending")), IsAccepted());
    ASSERT_THAT(
        Patch("bob", NameOf(digit), std::string(R"({"spec":{"decision":")") + decision + "\"}}"),
        IsAccepted());
    EXPECT_THAT(As("bob", {"delete", "tpmid", NameOf(digit)}), IsRefused(kLacks));
    EXPECT_THAT(As("ada", {"delete", "tpmid", NameOf(digit)}), IsAccepted());
  }
}

TEST_F(Approval, OfNoKubeletOrAgentIsTaken) {
  ASSERT_THAT(Create("bob", Identity('8', "Pending")), IsAccepted());
  const std::string kubelet = Cluster().NodeKubeconfig("node-a");
  EXPECT_THAT(Cluster().KubectlAs(kubelet, {"patch", "tpmid", NameOf('8'), "--type=merge", "-p",
                                            std::string(kApprove)}),
              IsRefused("tpmidentities.plimsoll.dev"));
  EXPECT_THAT(Patch(kAgentUser, NameOf('8'), kApprove), IsRefused("cannot get resource"));
}

// What RBAC refuses the controller cannot show what admission does: this one has every right.
TEST_F(Approval, IsNotTheControllersEvenWithEveryRightInTheCluster) {
  EXPECT_THAT(Cluster().Apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n"
                              "metadata: {name: controller-plain-editor}\nroleRef: {apiGroup: "
                              "rbac.authorization.k8s.io, kind: ClusterRole, name: "
                              "plain-editor}\nsubjects: [{kind: ServiceAccount, name: "
                              "plimsoll-controller, namespace: plimsoll-system}]\n"),
              IsAccepted());
  ASSERT_TRUE(Eventually([] { return May(kControllerUser, {"patch", "tpmid"}); }));
  constexpr std::string_view kOnly =
      "the controller makes and deletes only identities that it discovered";
  const std::string controller = ControllerKubeconfig();
  const auto create = [&](const std::string& yaml) {
    return Cluster().KubectlAs(controller, {"create", "-f", "-"}, yaml);
  };
  const auto patch = [&](char digit, std::string_view spec) {
    return Cluster().KubectlAs(controller, {"patch", "tpmid", NameOf(digit), "--type=merge", "-p",
                                            "{\"spec\":" + std::string(spec) + "}"});
  };
  EXPECT_THAT(create(Identity('5', "Approved", "Discovered")), IsRefused(kLacks));
  EXPECT_THAT(create(Identity('5', "Denied", "Discovered")), IsRefused(kOnly));
  EXPECT_THAT(create(Identity('5', "Pending", "Manual")), IsRefused(kOnly));
  ASSERT_THAT(create(Identity('5', "Pending", "Discovered")), IsAccepted());
  EXPECT_THAT(patch('5', R"({"decision":"Approved"})"), IsRefused(kLacks));
  EXPECT_THAT(patch('5', R"({"decision":"Denied"})"), IsRefused(kOnly));
  EXPECT_THAT(patch('5', R"({"decisionReason":"mine"})"), IsRefused(kOnly));
  EXPECT_THAT(patch('5', R"({"nodeName":"node-b"})"), IsRefused(kOnly));
  EXPECT_THAT(Cluster().KubectlAs(controller, {"delete", "tpmid", NameOf('5')}), IsAccepted());

  ASSERT_THAT(Create("ada", Identity('9', "Approved", "Discovered")), IsAccepted());
  EXPECT_THAT(Cluster().KubectlAs(controller, {"delete", "tpmid", NameOf('9')}), IsRefused(kOnly));
  ASSERT_THAT(Create("bob", Identity('a', "Pending", "Manual")), IsAccepted());
  EXPECT_THAT(Cluster().KubectlAs(controller, {"delete", "tpmid", NameOf('a')}), IsRefused(kOnly));
  EXPECT_THAT(Cluster().Kubectl({"delete", "clusterrolebinding", "controller-plain-editor"}),
              IsAccepted());
  EXPECT_TRUE(Eventually([] { return !May(kControllerUser, {"patch", "tpmid"}); }));
}

TEST_F(Approval, DoesNotKeepTheGarbageCollectorFromItsFinalizer) {
  ASSERT_THAT(Create("ada", Identity('b', "Approved")), IsAccepted());
  ASSERT_THAT(As("ada", {"delete", "tpmid", NameOf('b'), "--cascade=foreground", "--wait=false"}),
              IsAccepted());
  MakePlainEditor(kGarbageCollector);
  ASSERT_TRUE(Eventually([] { return May(kGarbageCollector, {"patch", "tpmid"}); }));
  EXPECT_THAT(Patch(kGarbageCollector, NameOf('b'), R"({"metadata":{"finalizers":null}})"),
              IsAccepted());
  EXPECT_FALSE(Cluster().Kubectl({"get", "tpmid", NameOf('b')}).ok());
}

}  // namespace
}  // namespace plimsoll::cluster
