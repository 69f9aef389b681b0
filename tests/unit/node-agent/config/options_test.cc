#include "node-agent/config/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace plimsoll::agent {
namespace {

using ::testing::ElementsAre;

class AgentOptions : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& name : set_) {
      unsetenv(name.c_str());
    }
  }
  void Set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  static Result<ParsedOptions> Parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "plimsoll-agent");
    return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
  }

  std::vector<std::string> set_;
};

TEST_F(AgentOptions, HaveTheDefaultsOfTheChart) {
  const auto parsed = Parse({"--controller=10.0.0.1:443"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Options& options = parsed->options;
  EXPECT_THAT(options.controllers, ElementsAre("10.0.0.1:443"));
  EXPECT_EQ(options.tcti, "auto");
  EXPECT_THAT(options.key_profiles,
              ElementsAre(crypto::KeyProfile::kP384, crypto::KeyProfile::kP256,
                          crypto::KeyProfile::kRsa2048));
  EXPECT_EQ(options.metrics_listen.address, "0.0.0.0");
  EXPECT_EQ(options.metrics_listen.port, 8081);
  EXPECT_EQ(options.host_files.boot_id, "/proc/sys/kernel/random/boot_id");
}

TEST_F(AgentOptions, TakeSeveralControllers) {
  const auto parsed = Parse({"--controller=a:1", "--controller", "b:2"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(parsed->options.controllers, ElementsAre("a:1", "b:2"));
}

TEST_F(AgentOptions, ComeFromTheEnvironmentAndTheCommandLineWins) {
  Set("PLIMSOLL_CONTROLLER", "a:1,b:2");
  Set("PLIMSOLL_TCTI", "device:/dev/tpm0");
  Set("PLIMSOLL_KEY_PROFILE", "rsa2048");
  Set("PLIMSOLL_LOG_LEVEL", "debug");
  const auto parsed = Parse({"--tcti=device:/dev/tpmrm1"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(parsed->options.controllers, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(parsed->options.tcti, "device:/dev/tpmrm1");
  EXPECT_THAT(parsed->options.key_profiles, ElementsAre(crypto::KeyProfile::kRsa2048));
  EXPECT_EQ(parsed->options.log_level, telemetry::Level::kDebug);
}

TEST_F(AgentOptions, FindTheServiceThatTheKubeletInjects) {
  Set("PLIMSOLL_CONTROLLER_SERVICE_HOST", "10.96.3.4");
  Set("PLIMSOLL_CONTROLLER_SERVICE_PORT", "443");
  EXPECT_THAT(Parse({})->options.controllers, ElementsAre("10.96.3.4:443"));
  EXPECT_THAT(Parse({"--controller=x:1"})->options.controllers, ElementsAre("x:1"));
}

TEST_F(AgentOptions, ReachAnIpv6ServiceByItsName) {
  Set("PLIMSOLL_CONTROLLER_SERVICE_HOST", "fd00::1");
  Set("PLIMSOLL_CONTROLLER_SERVICE_PORT", "443");
  EXPECT_FALSE(Parse({}));
  EXPECT_THAT(Parse({"--controller-name=plimsoll-controller.ns.svc"})->options.controllers,
              ElementsAre("plimsoll-controller.ns.svc:443"));
}

TEST_F(AgentOptions, RefuseWhatCannotBeUsed) {
  for (const char* bad :
       {"--key-profile=p521", "--key-profile=other", "--log-level=loud", "--log-format=xml",
        "--metrics-listen=8081", "--metrics-listen=:8081", "--metrics-listen=a:99999",
        "--controller=nohost", "--controller=a:0", "--controller=http://a:1", "--controller=a b:1",
        "--bogus", "positional"}) {
    const auto parsed = Parse({"--controller=a:1", bad});
    EXPECT_FALSE(parsed) << bad;
  }
  EXPECT_FALSE(Parse({}));
}

TEST_F(AgentOptions, ListenOnIpv6) {
  const auto parsed = Parse({"--controller=a:1", "--metrics-listen=[::]:0"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->options.metrics_listen.address, "::");
  EXPECT_EQ(parsed->options.metrics_listen.port, 0);
}

TEST_F(AgentOptions, PrintHelpAndVersion) {
  EXPECT_TRUE(Parse({"--help"})->exit);
  EXPECT_THAT(Parse({"--help"})->text, ::testing::HasSubstr("--tcti"));
  EXPECT_THAT(Parse({"--version"})->text, ::testing::HasSubstr(PLIMSOLL_VERSION));
}

}  // namespace
}  // namespace plimsoll::agent
