#include "controller/config/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace plimsoll::controller {
namespace {

using testing::HasSubstr;

Result<ParsedOptions> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "plimsoll-controller");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(ControllerOptions, DefaultsAreThoseOfTheChart) {
  const auto parsed = Parse({});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->options.listen.port, 8443);
  EXPECT_EQ(parsed->options.metrics_listen.port, 8080);
  EXPECT_EQ(parsed->options.agent_namespace, "plimsoll-system");
  EXPECT_EQ(parsed->options.agent_service_account, "plimsoll-agent");
  EXPECT_EQ(parsed->options.unmatched_nodes, UnmatchedNodes::kRelease);
  EXPECT_EQ(parsed->options.default_interval, std::chrono::seconds(300));
  EXPECT_FALSE(parsed->options.identity.empty());
}

TEST(ControllerOptions, TakesAddressesOfBothFamilies) {
  const auto parsed = Parse({"--listen=[::1]:9443", "--metrics-listen=127.0.0.1:0"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->options.listen.address, "::1");
  EXPECT_EQ(parsed->options.listen.port, 9443);
  EXPECT_EQ(parsed->options.metrics_listen.port, 0);
}

TEST(ControllerOptions, RefusesALabelThatTheNodeItselfCouldSet) {
  for (const char* key : {"--label-key=plimsoll.dev/trusted", "--label-key=trusted",
                          "--label-key=evilnode-restriction.kubernetes.io/trusted",
                          "--label-key=plimsoll.dev.node-restriction.kubernetes.io"}) {
    const auto parsed = Parse({key});
    ASSERT_FALSE(parsed) << key;
    EXPECT_THAT(parsed.error().message, HasSubstr("node-restriction")) << key;
  }
  EXPECT_TRUE(Parse({"--label-key=node-restriction.kubernetes.io/trusted"}));
  EXPECT_TRUE(Parse({"--label-key=example.com.node-restriction.kubernetes.io/trusted"}));
}

TEST(ControllerOptions, RefusesWhatIsNoValueOfTheFlag) {
  for (const char* flag :
       {"--listen=here", "--listen=:8443", "--listen=127.0.0.1:99999", "--unmatched-nodes=Maybe",
        "--default-interval-seconds=1", "--log-level=loud", "--log-format=xml",
        "--agent-service-account=plimsoll-agent", "--no-such-flag"}) {
    EXPECT_FALSE(Parse({flag})) << flag;
  }
}

TEST(ControllerOptions, ReleaseAfterIsANumberAndAUnit) {
  EXPECT_EQ(Parse({})->options.enrollment_release_after, std::chrono::hours(24));
  const std::pair<const char*, int64_t> good[] = {
      {"--enrollment-release-after=3s", 3},
      {"--enrollment-release-after=90m", 5'400},
      {"--enrollment-release-after=87600h", 315'360'000}};
  for (const auto& [flag, seconds] : good) {
    const auto parsed = Parse({flag});
    ASSERT_TRUE(parsed) << flag;
    EXPECT_EQ(parsed->options.enrollment_release_after, std::chrono::seconds(seconds));
  }
  for (const char* text : {"", "24", "h", "0s", "-1h", "1d", "1.5h", "24hh", "24 h", "87601h",
                           "9223372036854775807h", "99999999999999999999s"}) {
    const std::string flag = std::string("--enrollment-release-after=") + text;
    EXPECT_FALSE(Parse({flag.c_str()})) << flag;
  }
}

TEST(ControllerOptions, HelpIsNoError) {
  const auto parsed = Parse({"--help"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->exit);
  EXPECT_THAT(parsed->text, HasSubstr("--unmatched-nodes"));
}

}  // namespace
}  // namespace plimsoll::controller
