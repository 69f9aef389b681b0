#include "cluster/control_plane.h"

#include <gtest/gtest.h>

namespace plimsoll::cluster {
namespace {

TEST(ControlPlane, SurvivesARestartOfItsApiServerOnTheSamePort) {
  const std::string server = Cluster().server();
  Cluster().CreateNode("restart-1");
  Cluster().RestartApiServer();
  EXPECT_EQ(Cluster().server(), server);
  EXPECT_TRUE(Cluster().Kubectl({"get", "node", "restart-1"}).ok());
}

TEST(ControlPlane, GivesTokensThatNameTheNodeOfTheirPod) {
  const std::string uid = Cluster().CreateNode("token-1");
  const std::string token =
      Cluster().CreateServiceAccountToken("token-test", "agent", "agent-x", "token-1");
  const CommandResult review = Cluster().Kubectl(
      {"create", "-o", "yaml", "-f", "-"},
      "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nspec: {audiences: [\"" +
          std::string(kAudience) + "\"], token: \"" + token + "\"}\n");
  EXPECT_NE(review.out.find("authenticated: true"), std::string::npos) << review.out << review.err;
  EXPECT_NE(review.out.find("- token-1\n"), std::string::npos) << review.out;
  EXPECT_NE(review.out.find("- " + uid), std::string::npos) << review.out;
}

TEST(ControlPlane, LetsANodeReadItselfButNotTouchAnother) {
  Cluster().CreateNode("self-1");
  Cluster().CreateNode("self-2");
  const std::string kubelet = Cluster().NodeKubeconfig("self-1");
  EXPECT_TRUE(Cluster().KubectlAs(kubelet, {"get", "node", "self-1"}).ok());
  EXPECT_FALSE(Cluster().KubectlAs(kubelet, {"annotate", "node", "self-2", "a=b"}).ok());
}

}  // namespace
}  // namespace plimsoll::cluster
