#include "kube/exec_credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fakes/fake_clock.h"
#include "kube/config.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

// Real programs: shell scripts in a folder of the test's own.
class ExecCredentialTest : public testing::Test {
 protected:
  ExecCredentialTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kube-exec-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ExecCredentialTest() override { std::filesystem::remove_all(folder_); }

  void WriteProgram(const std::string& body) const {
    const std::string path = folder_ + "/plugin";
    std::ofstream(path, std::ios::binary) << "#!/bin/sh\n" << body << "\n";
    chmod(path.c_str(), 0700);
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/" + name).rdbuf();
    return text.str();
  }

  static std::string Answer(const json& status, const std::string& version = kV1) {
    return json{{"apiVersion", version}, {"kind", "ExecCredential"}, {"status", status}}.dump();
  }

  json Exec() const {
    return {{"apiVersion", kV1}, {"command", "./plugin"}, {"interactiveMode", "Never"}};
  }
  std::string ReadProblem(const json& exec) const {
    const auto plugin = ExecPlugin::Read(exec, json::object(), folder_);
    EXPECT_FALSE(plugin);
    return plugin ? "" : plugin.error().message;
  }

  std::string folder_;
  fakes::FakeClock clock_;
};

TEST_F(ExecCredentialTest, RunsTheProgramWithItsArgumentsAndEnvironment) {
  WriteProgram("echo \"$1 $2 $COLOUR\" > \"$(dirname \"$0\")/seen\"\necho '" +
               Answer({{"token", "t1"}}) + "'");
  json exec = Exec();
  exec["args"] = {"get", "a token"};
  exec["env"] = {{{"name", "COLOUR"}, {"value", "blue sky"}}};
  auto plugin = ExecPlugin::Read(exec, json::object(), folder_);
  ASSERT_TRUE(plugin) << plugin.error().message;
  ExecCredentialSource source(*plugin, clock_);
  const auto credential = source.Get();
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(credential->token, "t1");
  EXPECT_EQ(Read("seen"), "get a token blue sky\n");
}

TEST_F(ExecCredentialTest, TellsTheProgramAboutTheClusterOnlyWhenItIsAsked) {
  WriteProgram("printf %s \"$KUBERNETES_EXEC_INFO\" > \"$(dirname \"$0\")/info\"\necho '" +
               Answer({{"token", "t"}}) + "'");
  const json cluster = {{"server", "https://h:6443"}, {"config", {{"audience", "x"}}}};
  {
    auto plugin = ExecPlugin::Read(Exec(), cluster, folder_);
    ExecCredentialSource source(*plugin, clock_);
    ASSERT_TRUE(source.Get());
  }
  const json without = json::parse(Read("info"));
  EXPECT_EQ(without["apiVersion"], kV1);
  EXPECT_EQ(without["kind"], "ExecCredential");
  EXPECT_EQ(without["spec"], (json{{"interactive", false}}));
  json exec = Exec();
  exec["provideClusterInfo"] = "true";
  auto plugin = ExecPlugin::Read(exec, cluster, folder_);
  ExecCredentialSource source(*plugin, clock_);
  ASSERT_TRUE(source.Get());
  EXPECT_EQ(json::parse(Read("info"))["spec"]["cluster"], cluster);
}

TEST_F(ExecCredentialTest, KeepsACredentialUntilItExpiresOrIsRefused) {
  const std::string until = FormatTime(clock_.Wall() + std::chrono::minutes(10));
  WriteProgram("echo x >> \"$(dirname \"$0\")/runs\"\necho '" +
               Answer({{"token", "t"}, {"expirationTimestamp", until}}) + "'");
  auto plugin = ExecPlugin::Read(Exec(), json::object(), folder_);
  ExecCredentialSource source(*plugin, clock_);
  ASSERT_TRUE(source.Get());
  ASSERT_TRUE(source.Get());
  EXPECT_EQ(Read("runs"), "x\n");
  clock_.Advance(std::chrono::minutes(9) + std::chrono::seconds(51));
  ASSERT_TRUE(source.Get());
  EXPECT_EQ(Read("runs"), "x\nx\n") << "ten seconds before its end it is as good as expired";
}

TEST_F(ExecCredentialTest, ARefusedCredentialIsAskedForAgain) {
  WriteProgram("echo x >> \"$(dirname \"$0\")/runs\"\necho '" + Answer({{"token", "t"}}) + "'");
  auto plugin = ExecPlugin::Read(Exec(), json::object(), folder_);
  ExecCredentialSource source(*plugin, clock_);
  ASSERT_TRUE(source.Get());
  clock_.Advance(std::chrono::hours(100));
  ASSERT_TRUE(source.Get());
  EXPECT_EQ(Read("runs"), "x\n") << "without an end it is kept for the life of the process";
  source.Forget();
  ASSERT_TRUE(source.Get());
  EXPECT_EQ(Read("runs"), "x\nx\n");
}

TEST_F(ExecCredentialTest, SaysHowToInstallAProgramThatIsNotThere) {
  json exec = Exec();
  exec["command"] = "no-such-program-of-plimsoll";
  exec["installHint"] = "get it from the intranet";
  auto plugin = ExecPlugin::Read(exec, json::object(), folder_);
  ExecCredentialSource source(*plugin, clock_);
  const auto credential = source.Get();
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(credential.error().message, HasSubstr("there is no such program"));
  EXPECT_THAT(credential.error().message, HasSubstr("get it from the intranet"));
}

TEST_F(ExecCredentialTest, AProgramThatFailsOrSaysTooMuchGivesNothing) {
  WriteProgram("exit 7");
  {
    auto plugin = ExecPlugin::Read(Exec(), json::object(), folder_);
    ExecCredentialSource source(*plugin, clock_);
    EXPECT_THAT(source.Get().error().message, HasSubstr("code 7"));
  }
  WriteProgram("yes x | head -c 3000000");
  auto plugin = ExecPlugin::Read(Exec(), json::object(), folder_);
  ExecCredentialSource source(*plugin, clock_);
  EXPECT_EQ(source.Get().error().code, ErrorCode::kTooLarge);
}

TEST_F(ExecCredentialTest, AnswersAreReadStrictly) {
  const auto problem = [](const std::string& text) {
    const auto parsed = ParseExecCredential(text, kV1);
    return parsed ? std::string() : parsed.error().message;
  };
  EXPECT_EQ(problem(Answer({{"token", "t"}})), "");
  EXPECT_NE(problem("token"), "");
  EXPECT_THAT(problem(Answer({{"token", "t"}}, "client.authentication.k8s.io/v1beta1")),
              HasSubstr("which the kubeconfig asks for"));
  EXPECT_THAT(problem(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"Pod"})"),
              HasSubstr("no ExecCredential"));
  EXPECT_THAT(problem(Answer({{"clientCertificateData", "c"}})), HasSubstr("not the other"));
  EXPECT_THAT(problem(Answer(json::object())), HasSubstr("neither a token nor a certificate"));
  EXPECT_THAT(problem(Answer({{"token", "t"}, {"expirationTimestamp", "soon"}})),
              HasSubstr("no time"));
  EXPECT_THAT(problem(Answer({{"token", 7}})), HasSubstr("\"token\""));
}

TEST_F(ExecCredentialTest, FieldsThatCannotBeObeyedAreNamed) {
  json exec = Exec();
  exec["apiVersion"] = "client.authentication.k8s.io/v1alpha1";
  EXPECT_THAT(ReadProblem(exec), HasSubstr("apiVersion"));
  exec = Exec();
  exec.erase("interactiveMode");
  EXPECT_THAT(ReadProblem(exec), HasSubstr("interactiveMode"));
  exec["apiVersion"] = "client.authentication.k8s.io/v1beta1";
  EXPECT_TRUE(ExecPlugin::Read(exec, json::object(), folder_)) << "there it has a default";
  exec = Exec();
  exec.erase("command");
  EXPECT_THAT(ReadProblem(exec), HasSubstr("command"));
  exec = Exec();
  exec["args"] = "one";
  EXPECT_THAT(ReadProblem(exec), HasSubstr("args"));
  exec = Exec();
  exec["env"] = {{{"name", "A=B"}, {"value", "c"}}};
  EXPECT_THAT(ReadProblem(exec), HasSubstr("env"));
}

TEST_F(ExecCredentialTest, AKubeconfigOfAPersonMayNameAProgramAndGetsItsToken) {
  WriteProgram("echo '" + Answer({{"token", "by-program"}}) + "'");
  std::ofstream(folder_ + "/config") << R"(
current-context: x
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://h", certificate-authority-data: Q0E=}}]
users:
- name: u
  user:
    as: jane
    as-groups: [auditors]
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never,
           provideClusterInfo: true}
)";
  const auto config = LoadUserKubeconfig({.paths = {folder_ + "/config"}}, clock_);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->transport.bearer_token);
  EXPECT_EQ(config->transport.bearer_token().value(), "by-program");
  EXPECT_TRUE(config->forget_credential);
  EXPECT_EQ(config->as_user, "jane");
  EXPECT_EQ(config->as_group, "auditors");
  EXPECT_FALSE(LoadKubeconfig(folder_ + "/config")) << "a service must not run it";
}

TEST_F(ExecCredentialTest, ACertificateOfAProgramIsTheClientCertificate) {
  WriteProgram("echo '" + Answer({{"clientCertificateData", "CERT"}, {"clientKeyData", "KEY"}}) +
               "'");
  std::ofstream(folder_ + "/config") << R"(
current-context: x
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://h", certificate-authority-data: Q0E=}}]
users:
- {name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin}}}
)";
  // Of the other version than the program's answer.
  EXPECT_FALSE(LoadUserKubeconfig({.paths = {folder_ + "/config"}}, clock_));
  WriteProgram("echo '" +
               Answer({{"clientCertificateData", "CERT"}, {"clientKeyData", "KEY"}},
                      "client.authentication.k8s.io/v1beta1") +
               "'");
  const auto config = LoadUserKubeconfig({.paths = {folder_ + "/config"}}, clock_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.client_certificate_pem, "CERT");
  EXPECT_EQ(config->transport.client_key_pem, "KEY");
  EXPECT_FALSE(config->transport.bearer_token);
}

}  // namespace
}  // namespace plimsoll::kube
