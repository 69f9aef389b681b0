// The program itself, over TLS, with a real TPM.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "controller_server.h"
#include "fakes/fake_controller.h"
#include "swtpm/with_machine.h"

namespace plimsoll {
namespace {

using ::testing::Contains;
using testing::ControllerServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::seconds kPatience{30};

// Whether `holds` becomes true before the patience ends.
template <class Predicate>
bool Eventually(Predicate&& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::string Get(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 4096> buffer;
    ssize_t n = 0;
    while ((n = recv(fd, buffer.data(), buffer.size(), 0)) > 0) {
      answer.append(buffer.data(), static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

class AgentProcess : public testing::WithMachine {
 protected:
  AgentProcess() : server_(controller_) {}

  void SetUp() override {
    testing::WithMachine::SetUp();
    controller_.interval = std::chrono::seconds(1);
    const Status started = server_.Start();
    ASSERT_TRUE(started) << started.error().message;
    Write("ca.crt", server_.ca_pem());
    Write("token", "first.token.x\n");
  }

  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    if (HasFailure()) {
      std::cerr << Log();
    }
  }

  std::string Path(const std::string& name) const { return machine_->directory() + "/" + name; }

  // As the kubelet does: a new file in the place of the old one.
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name + ".new"), std::ios::binary) << text;
    std::filesystem::rename(Path(name + ".new"), Path(name));
  }

  std::string Log() const {
    std::ifstream file(Path("agent.log"));
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  void StartAgent(const std::string& tcti) {
    std::vector<std::string> arguments = {
        PLIMSOLL_AGENT,
        "--controller=" + server_.address(),
        std::string("--controller-name=") + ControllerServer::kName,
        "--ca-file=" + Path("ca.crt"),
        "--token-file=" + Path("token"),
        "--tcti=" + tcti,
        "--metrics-listen=127.0.0.1:0",
        "--log-level=debug",
        "--log-format=json"};
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, Path("agent.log").c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_EQ(posix_spawn(&pid_, PLIMSOLL_AGENT, &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    const std::string key = "\"metricsPort\":";
    ASSERT_TRUE(Eventually([&] { return Log().find(key) != std::string::npos; }));
    const std::string log = Log();
    port_ = static_cast<uint16_t>(std::stoi(log.substr(log.find(key) + key.size())));
  }

  // The exit status; -1 when it did not end within a second.
  int Stop() {
    kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        return -1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  size_t Attested() const { return controller_.statements().size(); }

  fakes::FakeController controller_;
  ControllerServer server_;
  pid_t pid_ = -1;
  uint16_t port_ = 0;
};

TEST_F(AgentProcess, AttestsOverTlsAndEndsWithinASecond) {
  StartAgent(machine_->tcti());
  ASSERT_TRUE(Eventually([&] { return Attested() >= 2; }));
  EXPECT_THAT(controller_.rejections(), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return Get(port_, "/readyz").find(" 200 ") != std::string::npos; }));
  EXPECT_THAT(Get(port_, "/livez"), HasSubstr(" 200 "));
  const std::string metrics = Get(port_, "/metrics");
  EXPECT_THAT(metrics, HasSubstr("plimsoll_agent_tpm_info{manufacturer=\"IBM\""));
  EXPECT_THAT(metrics, HasSubstr("plimsoll_agent_tpm_lockout 0"));
  EXPECT_EQ(Stop(), 0);
  // One connection for each round, enrolment included; the last round may have been cut off.
  EXPECT_GE(server_.connections().size(), Attested());
  EXPECT_LE(server_.connections().size(), Attested() + 1);
  ExpectNothingLeftBehind();
  EXPECT_THAT(Log(), HasSubstr("\"verdict\":\"Unknown\""));
  EXPECT_THAT(Log(), ::testing::Not(HasSubstr("first.token")));
}

TEST_F(AgentProcess, ShowsALockoutOfTheTpmWhileItLasts) {
  StartAgent(machine_->tcti());
  const auto shows = [&](const char* line) {
    return Eventually([&] { return Get(port_, "/metrics").find(line) != std::string::npos; });
  };
  ASSERT_TRUE(shows("plimsoll_agent_tpm_lockout 0"));
  ASSERT_TRUE(Eventually([&] { return Attested() >= 1; }));
  const Status locked = machine_->Lockout();
  ASSERT_TRUE(locked) << locked.error().message;
  EXPECT_TRUE(shows("plimsoll_agent_tpm_lockout 1"));
  const size_t before = Attested();
  EXPECT_TRUE(Eventually([&] { return Attested() > before; })) << "it attests all the same";
  const Status ended = machine_->EndLockout();
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(shows("plimsoll_agent_tpm_lockout 0"));
  for (const char* line : {"plimsoll_agent_quotes_total{result=\"success\"}",
                           "plimsoll_agent_quote_duration_seconds_count",
                           "plimsoll_agent_tpm_errors_total{class=\"retry\"}",
                           "plimsoll_agent_tpm_errors_total{class=\"auth\"}",
                           "plimsoll_agent_tpm_errors_total{class=\"lockout\"}",
                           "plimsoll_agent_tpm_errors_total{class=\"hierarchy\"}",
                           "plimsoll_agent_tpm_errors_total{class=\"io\"}",
                           "plimsoll_agent_tpm_errors_total{class=\"other\"}"}) {
    EXPECT_THAT(Get(port_, "/metrics"), HasSubstr(line));
  }
}

TEST_F(AgentProcess, TakesANewTokenAndANewCaWithoutARestart) {
  StartAgent(machine_->tcti());
  ASSERT_TRUE(Eventually([&] { return Attested() >= 1; }));
  Write("token", "second.token.x\n");
  ASSERT_TRUE(Eventually([&] { return server_.tokens().contains("Bearer second.token.x"); }));
  ASSERT_OK(server_.ChangeCa());
  ASSERT_TRUE(Eventually([&] { return Log().find("no verdict") != std::string::npos; }));
  const size_t before = Attested();
  Write("ca.crt", server_.ca_pem());
  EXPECT_TRUE(Eventually([&] { return Attested() > before; }));
}

TEST_F(AgentProcess, SurvivesATpmThatDiesAndComesBack) {
  StartAgent(machine_->tcti());
  ASSERT_TRUE(Eventually([&] { return Attested() >= 1; }));
  ASSERT_OK(machine_->Kill());
  ASSERT_TRUE(Eventually([&] { return !controller_.reports().empty(); }));
  EXPECT_EQ(controller_.reports()[0].reason, evidence::TpmTrouble::kTpmError);
  EXPECT_THAT(Get(port_, "/livez"), HasSubstr(" 200 "));
  EXPECT_THAT(Get(port_, "/readyz"), HasSubstr(" 503 "));
  const size_t before = Attested();
  ASSERT_OK(machine_->Reset());
  EXPECT_TRUE(Eventually([&] { return Attested() > before; }));
  EXPECT_EQ(Stop(), 0);
}

TEST_F(AgentProcess, LivesWithoutATpm) {
  StartAgent("device:/nonexistent/tpmrm0");
  ASSERT_TRUE(Eventually([&] { return controller_.reports().size() >= 2; }));
  EXPECT_EQ(controller_.reports()[0].reason, evidence::TpmTrouble::kTpmAbsent);
  EXPECT_THAT(Get(port_, "/livez"), HasSubstr(" 200 "));
  EXPECT_EQ(Stop(), 0);
}

TEST_F(AgentProcess, EndsWithinASecondWhileTheTpmDoesNotAnswer) {
  std::ifstream file(machine_->directory() + "/swtpm.pid");
  pid_t swtpm = 0;
  file >> swtpm;
  ASSERT_GT(swtpm, 0);
  // Stopped, the machine takes connections and answers nothing: the quote waits.
  std::atomic<bool> stopped = false;
  controller_.on_challenge = [&] { stopped = kill(swtpm, SIGSTOP) == 0; };
  StartAgent(machine_->tcti());
  ASSERT_TRUE(Eventually([&] { return stopped.load(); }));
  EXPECT_THAT(Get(port_, "/livez"), HasSubstr(" 200 "));
  EXPECT_EQ(Stop(), 0);
  kill(swtpm, SIGCONT);
}

}  // namespace
}  // namespace plimsoll
