#include "kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kube/transport/token_file.h"

namespace plimsoll::kube {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kube-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // A kubeconfig with the given cluster and user fields.
  std::string Kubeconfig(const std::string& cluster, const std::string& user,
                         const std::string& tail = {}) {
    return Write("config",
                 "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
                 "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                 "clusters: [{name: c, cluster: {" +
                     cluster +
                     "}}]\n"
                     "users: [{name: u, user: {" +
                     user + "}}]\n" + tail);
  }

  std::string ProblemOf(const std::string& path) {
    const auto config = LoadKubeconfig(path);
    EXPECT_FALSE(config);
    return config ? "" : config.error().message;
  }

  std::string folder_;
};

constexpr const char* kCluster =
    "server: \"https://10.0.0.1:6443\", certificate-authority-data: Q0E=";

TEST_F(ConfigTest, ReadsDataFields) {
  const auto config = LoadKubeconfig(
      Kubeconfig(kCluster, "client-certificate-data: Q0VSVA==, client-key-data: S0VZ"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.base_url, "https://10.0.0.1:6443");
  EXPECT_EQ(config->transport.ca_pem, "CA");
  EXPECT_EQ(config->transport.client_certificate_pem, "CERT");
  EXPECT_EQ(config->transport.client_key_pem, "KEY");
  EXPECT_FALSE(config->transport.bearer_token);
  EXPECT_EQ(config->namespace_name, "default");
}

TEST_F(ConfigTest, PathsAreRelativeToTheFile) {
  Write("ca.crt", "CA-FILE");
  Write("token", "tok\n");
  const auto config = LoadKubeconfig(Kubeconfig(
      "server: \"https://h\", certificate-authority: ca.crt, tls-server-name: api.example",
      "tokenFile: token"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.ca_pem, "CA-FILE");
  EXPECT_EQ(config->transport.server_name, "api.example");
  ASSERT_TRUE(config->transport.bearer_token);
  EXPECT_EQ(config->transport.bearer_token().value(), "tok");
  Write("token", "tok2");
  EXPECT_EQ(config->transport.bearer_token().value(), "tok2");
}

TEST_F(ConfigTest, AnotherContextMayBeNamed) {
  const std::string path = Write("config", R"(
current-context: one
contexts:
- {name: one, context: {cluster: c1, user: u}}
- {name: two, context: {cluster: c2, user: u, namespace: ns}}
clusters:
- {name: c1, cluster: {server: "https://one", certificate-authority-data: Q0E=}}
- {name: c2, cluster: {server: "https://two", certificate-authority-data: Q0E=}}
users:
- {name: u, user: {token: secret}}
)");
  EXPECT_EQ(LoadKubeconfig(path)->transport.base_url, "https://one");
  const auto two = LoadKubeconfig(path, "two");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->transport.base_url, "https://two");
  EXPECT_EQ(two->namespace_name, "ns");
  EXPECT_EQ(two->transport.bearer_token().value(), "secret");
  EXPECT_FALSE(LoadKubeconfig(path, "three"));
}

TEST_F(ConfigTest, WhatWouldWeakenOrRunSomethingIsRefusedByName) {
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "exec: {command: aws}")), HasSubstr("\"exec\""));
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "auth-provider: {name: gcp}")),
              HasSubstr("\"auth-provider\""));
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "username: a, password: b")),
              HasSubstr("\"username\""));
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "as: admin")), HasSubstr("\"as\""));
  EXPECT_THAT(ProblemOf(Kubeconfig(std::string(kCluster) + ", insecure-skip-tls-verify: true", "")),
              HasSubstr("insecure-skip-tls-verify"));
  EXPECT_THAT(ProblemOf(Kubeconfig("server: \"http://h\", certificate-authority-data: Q0E=", "")),
              HasSubstr("https"));
  EXPECT_THAT(ProblemOf(Kubeconfig("server: \"https://h\"", "")),
              HasSubstr("certificate authority"));
  EXPECT_THAT(
      ProblemOf(Kubeconfig("server: \"https://h\", certificate-authority-data: \"Q0E\"", "")),
      HasSubstr("certificate-authority-data"));
}

TEST_F(ConfigTest, DuplicateKeysAndAliasesAreRefusedWithTheirLine) {
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "token: a", "current-context: y\n")),
              HasSubstr("line 7: duplicate key \"current-context\""));
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "token: &a b")), HasSubstr("line 6: anchors"));
  EXPECT_THAT(ProblemOf(Kubeconfig(kCluster, "token: *a")), HasSubstr("line 6"));
  EXPECT_THAT(ProblemOf(folder_ + "/absent"), HasSubstr("cannot be opened"));
}

TEST_F(ConfigTest, OfSeveralFilesTheFirstThatHasAnEntryWins) {
  std::filesystem::create_directory(folder_ + "/a");
  std::filesystem::create_directory(folder_ + "/b");
  Write("a/ca.crt", "CA-A");
  Write("b/ca.crt", "CA-B");
  const std::string first = Write("a/config", R"(
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://a", certificate-authority: ca.crt}}]
)");
  const std::string second = Write("b/config", R"(
current-context: x
contexts: [{name: x, context: {cluster: d, user: u}}]
clusters:
- {name: c, cluster: {server: "https://b", certificate-authority: ca.crt}}
- {name: d, cluster: {server: "https://d", certificate-authority: ca.crt}}
users: [{name: u, user: {tokenFile: token}}]
)");
  Write("b/token", "of-b");
  const SystemClock clock;
  const auto config = LoadUserKubeconfig({.paths = {first, second}}, clock);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.base_url, "https://a");
  EXPECT_EQ(config->transport.ca_pem, "CA-A") << "relative to the file that names it";
  EXPECT_EQ(config->transport.bearer_token().value(), "of-b");
  const auto turned = LoadUserKubeconfig({.paths = {second, first}}, clock);
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->transport.base_url, "https://d");
}

TEST_F(ConfigTest, FilesAreFoundAsKubectlFindsThem) {
  const std::string one = Write("one", "");
  const std::string two = Write("two", "");
  EXPECT_EQ(KubeconfigPaths("given", one, folder_), std::vector<std::string>{"given"});
  EXPECT_EQ(KubeconfigPaths("", one + "::" + folder_ + "/absent:" + two, folder_),
            (std::vector<std::string>{one, two}));
  EXPECT_TRUE(KubeconfigPaths("", "", folder_).empty());
  std::filesystem::create_directory(folder_ + "/.kube");
  const std::string home = Write(".kube/config", "");
  EXPECT_EQ(KubeconfigPaths("", "", folder_), std::vector<std::string>{home});
  EXPECT_EQ(KubeconfigPaths("", ":", folder_), std::vector<std::string>{home});
  EXPECT_TRUE(KubeconfigPaths("", folder_ + "/absent", folder_).empty())
      << "a list that names nothing does not fall back to the home directory";
}

TEST_F(ConfigTest, AMissingContextIsNamed) {
  const SystemClock clock;
  const std::string path = Kubeconfig(kCluster, "token: a");
  const auto other = LoadUserKubeconfig({.paths = {path}, .context = "prod"}, clock);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("there is no context \"prod\""));
  const auto none = LoadUserKubeconfig({.paths = {Write("empty", "kind: Config\n")}}, clock);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("no current context"));
}

TEST_F(ConfigTest, ImpersonationOfAPersonIsReadUpToOneGroup) {
  const SystemClock clock;
  const auto one = LoadUserKubeconfig({.paths = {Kubeconfig(kCluster, "as: jane")}}, clock);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->as_user, "jane");
  EXPECT_FALSE(
      LoadUserKubeconfig({.paths = {Kubeconfig(kCluster, "as: jane, as-groups: [a, b]")}}, clock));
  EXPECT_FALSE(
      LoadUserKubeconfig({.paths = {Kubeconfig(kCluster, "as: jane, as-uid: \"7\"")}}, clock));
}

TEST_F(ConfigTest, InClusterReadsTheMountedFiles) {
  Write("ca.crt", "CA");
  Write("token", "t1");
  Write("namespace", "plimsoll");
  const auto config = InClusterConfig({.host = "10.96.0.1", .port = "443", .directory = folder_});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.base_url, "https://10.96.0.1:443");
  EXPECT_EQ(config->transport.ca_pem, "CA");
  EXPECT_EQ(config->namespace_name, "plimsoll");
  Write("token", "t2");
  EXPECT_EQ(config->transport.bearer_token().value(), "t2");
}

TEST_F(ConfigTest, InClusterTakesTheServiceNameForAnIPv6Address) {
  Write("ca.crt", "CA");
  Write("namespace", "n");
  const auto config = InClusterConfig({.host = "fd00::1", .port = "443", .directory = folder_});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->transport.base_url, "https://kubernetes.default.svc:443");
}

TEST_F(ConfigTest, InClusterIsRefusedOutsideOfAPod) {
  EXPECT_FALSE(InClusterConfig({.host = "", .port = "", .directory = folder_}));
  EXPECT_FALSE(InClusterConfig({.host = "h", .port = "1", .directory = folder_}));
}

TEST_F(ConfigTest, TokenFilesHoldOneToken) {
  const auto of = [&](const std::string& text) {
    return transport::TokenFromFile(Write("token", text))();
  };
  EXPECT_EQ(of(" \n a.b-c_d~e+f/g= \n").value(), "a.b-c_d~e+f/g=");
  for (const std::string& text :
       {std::string(), std::string(" \n"), std::string("a b"), std::string("a\nb"),
        std::string("a\x01"), std::string(17000, 'a')}) {
    const auto token = of(text);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().retry, Retry::kRefreshCredentials);
  }
  EXPECT_FALSE(transport::TokenFromFile(folder_ + "/absent")());
}

}  // namespace
}  // namespace plimsoll::kube
