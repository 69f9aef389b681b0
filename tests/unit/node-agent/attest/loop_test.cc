#include "node-agent/attest/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/random.h"
#include "fakes/fake_controller.h"
#include "fakes/fake_tpm_access.h"
#include "fakes/recording_logger.h"

namespace plimsoll::attest {
namespace {

using std::chrono::milliseconds;

const Error kAbsent{ErrorCode::kNotFound, "there is no /dev/tpmrm0", Retry::kReconnect};

class Loop : public ::testing::Test {
 protected:
  // Runs the loop for so many rounds; `between` is called after each with its number, from 0.
  void RunRounds(
      int count, std::function<void(int)> between = [](int) {}) {
    std::stop_source stop;
    RoundOptions options;
    options.profiles = {crypto::KeyProfile::kP384};
    options.addresses = {"a:1"};
    Rounds rounds(
        std::move(options),
        [this](const std::string&) -> Result<std::unique_ptr<transport::Transport>> {
          if (!reachable_) {
            return Fail(ErrorCode::kUnavailable, "no route", Retry::kBackoff);
          }
          return controller_.Connect();
        },
        tpm_, log_);
    Schedule schedule(random_);
    const Wait wait = [&](milliseconds delay, std::stop_token) {
      between(static_cast<int>(delays_.size()));
      delays_.push_back(delay);
      if (static_cast<int>(delays_.size()) >= count) {
        stop.request_stop();
      }
    };
    AttestUntilStopped(rounds, schedule, condition_, wait, log_, stop.get_token());
  }

  bool reachable_ = true;
  std::vector<milliseconds> delays_;
  crypto::SystemRandom random_;
  fakes::FakeController controller_;
  fakes::FakeTpmAccess tpm_;
  fakes::RecordingLogger log_;
  Condition condition_;
};

TEST_F(Loop, AttestsAgainWhenTheControllerSaid) {
  RunRounds(3);
  EXPECT_EQ(controller_.statements().size(), 3U);
  EXPECT_THAT(delays_, ::testing::Each(milliseconds(300'000)));
  EXPECT_TRUE(condition_.Ready());
}

TEST_F(Loop, IsNotReadyBeforeTheFirstVerdict) { EXPECT_FALSE(condition_.Ready()); }

TEST_F(Loop, TellsAVerdictOnceForAsLongAsItStays) {
  RunRounds(4);
  int at_info = 0;
  for (const std::string& line : log_.With("\"attested\"")) {
    at_info += line.find("\"level\":\"info\"") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(at_info, 1);
}

TEST_F(Loop, ReportsAnAbsentTpmEachTimeAndRecoversWhenItAppears) {
  for (int i = 0; i < 3; ++i) {
    tpm_.FailNext("Describe", kAbsent);
  }
  RunRounds(4, [&](int round) { EXPECT_EQ(condition_.Ready().has_value(), round == 3); });
  ASSERT_EQ(controller_.reports().size(), 3U);
  EXPECT_EQ(controller_.reports()[0].reason, evidence::TpmTrouble::kTpmAbsent);
  EXPECT_EQ(controller_.statements().size(), 1U);
  EXPECT_LE(delays_[0], milliseconds(1000));
}

TEST_F(Loop, GoesOnWhenNeitherTpmNorControllerAnswer) {
  reachable_ = false;
  RunRounds(5, [&](int round) {
    tpm_.FailNext("Describe", kAbsent);
    reachable_ = round >= 3;
  });
  EXPECT_EQ(delays_.size(), 5U);
  EXPECT_FALSE(condition_.Ready());
  EXPECT_FALSE(log_.With("the controller could not be told").empty());
  EXPECT_FALSE(controller_.reports().empty());
}

TEST_F(Loop, ReportsNothingWhenTheControllerIsAtFault) {
  controller_.Refuse("/v1/challenges", 503, "Unavailable");
  RunRounds(1);
  EXPECT_TRUE(controller_.reports().empty());
  EXPECT_EQ(log_.With("\"no verdict\"").size(), 1U);
}

TEST_F(Loop, WritesNoSecretToItsLog) {
  RunRounds(2);
  for (const std::string& line : log_.lines()) {
    EXPECT_EQ(line.find("nonce"), std::string::npos);
    EXPECT_EQ(line.find("secret"), std::string::npos);
  }
  EXPECT_FALSE(log_.With("enrolled").empty());
}

TEST(WaitForReal, EndsEarlyWhenAskedToStop) {
  std::stop_source stop;
  stop.request_stop();
  WaitForReal(std::chrono::hours(1), stop.get_token());  // comes back
  WaitForReal(milliseconds(1), {});
}

}  // namespace
}  // namespace plimsoll::attest
