#include "node-agent/app/steps.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

namespace plimsoll::agent {
namespace {

using ::testing::HasSubstr;

std::string Get(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    ssize_t n = 0;
    while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      answer.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

class HealthPort : public ::testing::Test {
 protected:
  void SetUp() override {
    auto metrics = ProgramMetrics::Create();
    ASSERT_TRUE(metrics) << metrics.error().message;
    metrics_ = *std::move(metrics);
    auto server = StartHealthPort({"127.0.0.1", 0}, condition_, *metrics_, clock_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  SystemClock clock_;
  attest::Condition condition_;
  std::unique_ptr<ProgramMetrics> metrics_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(HealthPort, IsAliveWithoutTpmAndControllerAndReadyAfterAVerdict) {
  EXPECT_THAT(Get(server_->port(), "/livez"), HasSubstr(" 200 "));
  EXPECT_THAT(Get(server_->port(), "/readyz"), HasSubstr(" 503 "));
  condition_.Attested();
  EXPECT_THAT(Get(server_->port(), "/readyz"), HasSubstr(" 200 "));
  condition_.Failed({attest::Origin::kTpm,
                     {ErrorCode::kNotFound, "there is no /dev/tpmrm0", Retry::kReconnect},
                     {},
                     {}});
  EXPECT_THAT(Get(server_->port(), "/livez"), HasSubstr(" 200 "));
  const std::string answer = Get(server_->port(), "/readyz?verbose");
  EXPECT_THAT(answer, HasSubstr(" 503 "));
  EXPECT_THAT(answer, HasSubstr("attestation"));
}

TEST_F(HealthPort, ServesEveryFamilyOfTheAgent) {
  tpm::Properties properties;
  properties.manufacturer = "IFX";
  properties.firmware_version = "7.2.3.1";
  properties.in_lockout = true;
  metrics_->TpmOpened(properties, "device:/dev/tpmrm0");
  metrics_->TpmFailed(tpm::ErrorClass::kLockout);
  metrics_->Quoted(true, std::chrono::milliseconds(12));
  metrics_->Quoted(false, std::chrono::milliseconds(12));
  const std::string answer = Get(server_->port(), "/metrics");
  for (const char* line : {"plimsoll_build_info{component=\"agent\"",
                           "plimsoll_agent_quotes_total{result=\"success\"} 1",
                           "plimsoll_agent_quotes_total{result=\"failure\"} 1",
                           "plimsoll_agent_quote_duration_seconds_count 1",
                           "plimsoll_agent_tpm_errors_total{class=\"lockout\"} 1",
                           "plimsoll_agent_tpm_errors_total{class=\"hierarchy\"} 0",
                           "plimsoll_agent_tpm_info{manufacturer=\"IFX\",firmware=\"7.2.3.1\","
                           "device=\"device:/dev/tpmrm0\"} 1",
                           "plimsoll_agent_tpm_lockout 1", "process_"}) {
    EXPECT_THAT(answer, HasSubstr(line));
  }
}

TEST_F(HealthPort, AnAnswerOfLockoutShowsAtOnceAndUntilTheTpmSaysOtherwise) {
  metrics_->TpmOpened({}, "device:/dev/tpmrm0");
  EXPECT_THAT(metrics_->Serialise(), HasSubstr("plimsoll_agent_tpm_lockout 0"));
  metrics_->TpmFailed(tpm::ErrorClass::kIo);
  EXPECT_THAT(metrics_->Serialise(), HasSubstr("plimsoll_agent_tpm_lockout 0"));
  metrics_->TpmFailed(tpm::ErrorClass::kLockout);
  EXPECT_THAT(metrics_->Serialise(), HasSubstr("plimsoll_agent_tpm_lockout 1"));
  metrics_->TpmOpened({}, "device:/dev/tpmrm0");
  EXPECT_THAT(metrics_->Serialise(), HasSubstr("plimsoll_agent_tpm_lockout 0"));
}

TEST_F(HealthPort, ForgetsATpmThatWasReplaced) {
  tpm::Properties properties;
  properties.firmware_version = "1.0.0.0";
  metrics_->TpmOpened(properties, "device:/dev/tpmrm0");
  properties.firmware_version = "2.0.0.0";
  metrics_->TpmOpened(properties, "device:/dev/tpmrm0");
  EXPECT_THAT(metrics_->Serialise(), ::testing::Not(HasSubstr("1.0.0.0")));
  EXPECT_THAT(metrics_->Serialise(), HasSubstr("2.0.0.0"));
}

TEST_F(HealthPort, CannotBeWhereSomebodyElseListens) {
  const auto second =
      StartHealthPort({"127.0.0.1", server_->port()}, condition_, *metrics_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace plimsoll::agent
