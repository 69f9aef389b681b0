#include <sys/stat.h>

#include <fstream>

#include "cluster/plugin/plugin.h"

// How the plugin finds and enters a cluster: kubeconfig files, credentials, exit codes.
namespace plimsoll::cluster {
namespace {

using testing::HasSubstr;
using testing::Not;

class PluginConnection : public testing::Test {
 protected:
  static void SetUpTestSuite() { Cluster().InstallChart(); }

  static std::string Write(const std::string& name, const std::string& text) {
    const std::string path = Cluster().directory() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  // Cluster and context, without a user.
  static std::string ClusterOnly(const std::string& server = Cluster().server()) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
           "clusters: [{name: c, cluster: {server: \"" +
           server + "\", certificate-authority: \"" + Cluster().ca_file() +
           "\"}}]\ncontexts: [{name: test, context: {cluster: c, user: u}}]\n";
  }
};

TEST_F(PluginConnection, AClientCertificateOpensTheCluster) {
  const CommandResult result = Plugin({"status"});
  EXPECT_NE(result.exit_code, 4) << Said(result);
  EXPECT_THAT(result.out, HasSubstr("NODES   "));
}

TEST_F(PluginConnection, WithoutTheRightToReadItSaysSoWithExit4) {
  const std::string stranger = Cluster().ServiceAccountKubeconfig("default", "stranger");
  const CommandResult result = Plugin({"status", "--kubeconfig", stranger});
  EXPECT_EQ(result.exit_code, 4) << Said(result);
  EXPECT_THAT(result.err, HasSubstr("system:serviceaccount:default:stranger"));
  EXPECT_EQ(Plugin({"status", "--as", "nobody"}).exit_code, 4);
}

TEST_F(PluginConnection, TheViewersRoleIsEnoughAndNodesAreNotNeeded) {
  const std::string viewer = Cluster().ServiceAccountKubeconfig("default", "viewer");
  Cluster().Kubectl({"create", "clusterrolebinding", "plugin-viewer",
                     "--clusterrole=plimsoll-viewer", "--serviceaccount=default:viewer"});
  EXPECT_TRUE(Eventually([&] {
    return Plugin({"status", "--kubeconfig", viewer}).out.find("NODES") == 0;
  }));
  const CommandResult result = Plugin({"status", "--kubeconfig", viewer});
  EXPECT_THAT(result.out, HasSubstr("nodes cannot be read"));
}

TEST_F(PluginConnection, AnExecPluginGivesTheToken) {
  Cluster().EnsureServiceAccount("kube-system", "admin");
  std::string token = Cluster().Kubectl({"create", "token", "admin", "-n", "kube-system"}).out;
  token.erase(token.find_last_not_of('\n') + 1);
  Cluster().Kubectl({"create", "clusterrolebinding", "plugin-admin", "--clusterrole=cluster-admin",
                     "--serviceaccount=kube-system:admin"});
  const std::string program =
      Write("credential.sh", "#!/bin/sh\necho '" +
                                 Json{{"apiVersion", "client.authentication.k8s.io/v1"},
                                      {"kind", "ExecCredential"},
                                      {"status", {{"token", token}}}}
                                     .dump() +
                                 "'\n");
  chmod(program.c_str(), 0700);
  const std::string config =
      Write("exec-config", ClusterOnly() +
                               "users:\n- name: u\n  user:\n    exec: {apiVersion: "
                               "client.authentication.k8s.io/v1, command: ./credential.sh, "
                               "interactiveMode: Never, provideClusterInfo: true}\n");
  EXPECT_TRUE(Eventually([&] {
    return Plugin({"status", "--kubeconfig", config}).out.find("NODES") == 0;
  })) << Said(Plugin({"status", "--kubeconfig", config}));
}

TEST_F(PluginConnection, SeveralFilesOfKUBECONFIGMakeOneConfiguration) {
  const std::string user = Write("user-config", "users: [{name: u, user: {token: not-a-token}}]\n");
  const std::string cluster = Write("cluster-config", ClusterOnly());
  const CommandResult refused = Plugin({"status"}, {{"KUBECONFIG", cluster + ":/nowhere:" + user}});
  EXPECT_EQ(refused.exit_code, 4) << Said(refused);
  EXPECT_THAT(refused.err, HasSubstr("401"));
  EXPECT_THAT(refused.err, HasSubstr("does not know you"));
  const CommandResult without = Plugin({"status"}, {{"KUBECONFIG", cluster}});
  EXPECT_EQ(without.exit_code, 3);
  EXPECT_THAT(without.err, HasSubstr("there is no user \"u\""));
}

TEST_F(PluginConnection, AServerThatIsNotThereIsExit4) {
  const std::string config = Write("away-config", ClusterOnly("https://127.0.0.1:1") +
                                                      "users: [{name: u, user: {token: abc}}]\n");
  const CommandResult result = Plugin({"status", "--kubeconfig", config, "--request-timeout", "5"});
  EXPECT_EQ(result.exit_code, 4) << Said(result);
  EXPECT_THAT(result.err, Not(HasSubstr("terminate")));
}

TEST_F(PluginConnection, KubectlFindsItAsAPlugin) {
  const std::string program = PLIMSOLL_PLUGIN;
  const std::string folder = program.substr(0, program.rfind('/'));
  const char* path = std::getenv("PATH");
  const CommandResult result =
      cluster::Run({Cluster().directory() + "/bin/kubectl", "plimsoll", "status", "-o", "json"}, {},
                   {{"PATH", folder + ":" + (path == nullptr ? "" : path)},
                    {"KUBECONFIG", Cluster().kubeconfig()}});
  EXPECT_THAT(result.out, HasSubstr("\"pendingIdentities\"")) << Said(result);
}

}  // namespace
}  // namespace plimsoll::cluster
