#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"
#include "cluster/plugin/plugin.h"

// Evidence that a controller keeps, through the API server's pod proxy.
namespace plimsoll::cluster {
namespace {

using testing::HasSubstr;

// An address of this machine that is not a loopback one, which the API server does not proxy to.
std::string OwnAddress() {
  std::istringstream addresses(cluster::Run({"hostname", "-I"}).out);
  std::string address;
  addresses >> address;
  return address;
}

class PluginEvidence : public testing::Test {
 protected:
  static void SetUpTestSuite() { Deployment::Get().Heal(); }
  // The controllers would change what other tests write in their place.
  static void TearDownTestSuite() { Deployment::Get().StopAll(); }
};

TEST_F(PluginEvidence, IsFetchedFromTheControllerThatKeepsItAndVerifiesOffline) {
  SoftwareNode node("evidence-node", "evidence");
  const std::string address = OwnAddress();
  ASSERT_NE(address, "");
  const uint16_t port = FreePort();
  const uint16_t health = FreePort();
  const std::string log = Cluster().directory() + "/evidence-controller.log";
  Process controller(
      {PLIMSOLL_CONTROLLER,
       "--kubeconfig=" + Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-controller"),
       fmt::format("--listen=127.0.0.1:{}", port),
       fmt::format("--metrics-listen={}:{}", address, health),
       "--namespace=" + std::string(kNamespace),
       fmt::format("--agent-service-account={}:plimsoll-agent", kNamespace),
       "--identity=evidence-controller", "--default-interval-seconds=10"},
      log);
  ASSERT_TRUE(Eventually(
      [&] {
        return cluster::Run({"curl", "-sf", fmt::format("http://{}:{}/readyz", address, health)})
            .ok();
      },
      std::chrono::seconds(30)));
  const CommandResult pod = Cluster().Apply(
      fmt::format("apiVersion: v1\nkind: Pod\nmetadata:\n  name: evidence-controller\n  namespace: "
                  "{}\n  labels: {{app.kubernetes.io/name: plimsoll, app.kubernetes.io/component: "
                  "controller}}\nspec: {{nodeName: evidence-node, serviceAccountName: "
                  "plimsoll-controller, containers: [{{name: controller, image: x}}]}}\n",
                  kNamespace));
  ASSERT_TRUE(pod.ok()) << Said(pod);
  const CommandResult status = Cluster().Kubectl(
      {"patch", "pod", "evidence-controller", "-n", std::string(kNamespace), "--subresource=status",
       "--type=merge", "-p",
       fmt::format(R"({{"status":{{"phase":"Running","podIP":"{0}","podIPs":[{{"ip":"{0}"}}]}}}})",
                   address)});
  ASSERT_TRUE(status.ok()) << Said(status);

  const std::vector<std::string> fetch = {"evidence", "evidence-node", "--port",
                                          std::to_string(health)};
  const CommandResult none = Plugin(fetch);
  EXPECT_EQ(none.exit_code, 3) << Said(none);
  EXPECT_THAT(none.err, HasSubstr("EvidenceNotKept"));

  node.Connect(fmt::format("127.0.0.1:{}", port), Deployment::Get().ca_pem());
  ASSERT_EQ(node.Enroll().status, 200);
  EXPECT_TRUE(Eventually([&] {
    const evidence::ChallengeResponse challenge = node.Challenge();
    return node.SendEvidence(challenge, node.Answer(challenge)).status == 200;
  }));
  const CommandResult bundle = Plugin(fetch);
  ASSERT_EQ(bundle.exit_code, 0) << Said(bundle);
  const std::string file = Cluster().directory() + "/bundle.json";
  std::ofstream(file) << bundle.out;
  const CommandResult verified = cluster::Run({PLIMSOLL_PLUGIN, "verify", file});
  EXPECT_EQ(verified.exit_code, 2) << Said(verified);
  EXPECT_THAT(verified.out, HasSubstr("NoEnforcingPolicy"));

  const std::string url = fmt::format("http://{}:{}/evidence/evidence-node", address, health);
  const auto code = [&](const std::string& token) {
    return cluster::Run({"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                         "X-Plimsoll-Token: " + token, url})
        .out;
  };
  EXPECT_EQ(code("nothing"), "401");
  EXPECT_EQ(code(node.token()), "403") << "an agent may not read evidence";
  const std::string stranger = Cluster().ServiceAccountKubeconfig("default", "stranger");
  std::vector<std::string> forbidden = fetch;
  forbidden.insert(forbidden.end(), {"--kubeconfig", stranger});
  EXPECT_EQ(Plugin(forbidden).exit_code, 4);
  controller.Stop();
}

}  // namespace
}  // namespace plimsoll::cluster
