// Whole rounds over a real TPM, each piece of evidence appraised as the controller does it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "crypto/names.h"
#include "fakes/fake_controller.h"
#include "fakes/recording_logger.h"
#include "node-agent/attest/round.h"
#include "node-agent/attest/tpm_access.h"
#include "swtpm/with_machine.h"

namespace plimsoll {
namespace {

using attest::Origin;
using crypto::KeyProfile;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RunProgram;

class CountingObserver final : public attest::TpmObserver {
 public:
  void TpmOpened(const tpm::Properties& properties, std::string_view) override {
    manufacturer = properties.manufacturer;
  }
  void TpmFailed(tpm::ErrorClass error_class) override { ++errors[error_class]; }
  void Quoted(bool succeeded, std::chrono::nanoseconds) override {
    ++(succeeded ? quotes : failed);
  }

  std::string manufacturer;
  std::map<tpm::ErrorClass, int> errors;
  int quotes = 0;
  int failed = 0;
};

class AgentRounds : public testing::WithMachine {
 protected:
  void SetUp() override {
    testing::WithMachine::SetUp();
    Restart();
  }

  // A new agent: nothing is remembered but what is in the TPM.
  void Restart(std::vector<KeyProfile> profiles = {KeyProfile::kP384, KeyProfile::kP256,
                                                   KeyProfile::kRsa2048},
               const std::string& tcti = "") {
    rounds_.reset();
    access_ = attest::MakeTpmAccess(tcti.empty() ? machine_->tcti() : tcti, clock_, observer_, {});
    attest::RoundOptions options;
    options.profiles = std::move(profiles);
    options.addresses = {"a:1"};
    rounds_ = std::make_unique<attest::Rounds>(
        std::move(options),
        [this](const std::string&) -> Result<std::unique_ptr<transport::Transport>> {
          return controller_.Connect();
        },
        *access_, log_);
  }

  SystemClock clock_;
  CountingObserver observer_;
  fakes::RecordingLogger log_;
  fakes::FakeController controller_;
  std::unique_ptr<attest::TpmAccess> access_;
  std::unique_ptr<attest::Rounds> rounds_;
};

class AgentRoundsOfProfile : public AgentRounds,
                             public ::testing::WithParamInterface<KeyProfile> {};

INSTANTIATE_TEST_SUITE_P(EveryProfile, AgentRoundsOfProfile,
                         ::testing::Values(KeyProfile::kP384, KeyProfile::kP256,
                                           KeyProfile::kRsa2048),
                         [](const auto& profile) { return std::string(ToString(profile.param)); });

TEST_P(AgentRoundsOfProfile, EnrollsAttestsAndLeavesNothingBehind) {
  Restart({GetParam()});
  for (int i = 0; i < 2; ++i) {
    const auto outcome = rounds_->Run({});
    ASSERT_TRUE(outcome) << outcome.error().error.message;
    ExpectNothingLeftBehind();
  }
  EXPECT_THAT(controller_.rejections(), IsEmpty());
  EXPECT_EQ(controller_.statements().size(), 2U);
  EXPECT_EQ(controller_.enrollments().size(), 1U);
  EXPECT_TRUE(controller_.enrollments()[0].endorsement_certificate);
  EXPECT_EQ(crypto::ProfileOf(*controller_.activated()), GetParam());
  EXPECT_EQ(observer_.quotes, 2);
  EXPECT_EQ(observer_.manufacturer, "IBM");
  EXPECT_THAT(observer_.errors, IsEmpty());
}

TEST_F(AgentRounds, TakesP384FirstAndKeepsItsKeyOverRestarts) {
  ASSERT_TRUE(rounds_->Run({}));
  EXPECT_EQ(crypto::ProfileOf(*controller_.activated()), KeyProfile::kP384);
  ASSERT_OK(machine_->Reset());
  Restart();
  ASSERT_TRUE(rounds_->Run({}));
  EXPECT_EQ(controller_.enrollments().size(), 1U);  // the key was known already
}

TEST_F(AgentRounds, HasAnotherKeyInAnotherCluster) {
  ASSERT_TRUE(rounds_->Run({}));
  const auto first = controller_.activated();
  controller_.cluster_uid = "9b4e28ba-2fa1-11d2-883f-0016d3cca427";
  Restart();
  ASSERT_TRUE(rounds_->Run({}));
  EXPECT_EQ(controller_.enrollments().size(), 2U);
  EXPECT_NE(*first, *controller_.activated());
}

TEST_F(AgentRounds, QuotesWhatWasExtended) {
  ASSERT_OK(machine_->Extend(8, {"sha256:" + std::string(64, 'd')}));
  ASSERT_TRUE(rounds_->Run({}));
  const auto pcrs = controller_.last_pcrs();
  const auto eight = std::ranges::find(pcrs, 8U, [](const auto& value) { return value.index; });
  ASSERT_NE(eight, pcrs.end());
  EXPECT_NE(eight->digest, Bytes(32, 0));
}

TEST_F(AgentRounds, ATpmThatDiesInARoundIsATpmErrorAndRecovers) {
  ASSERT_TRUE(rounds_->Run({}));
  controller_.on_challenge = [this] { EXPECT_TRUE(machine_->Kill()); };
  const auto failed = rounds_->Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kTpm);
  EXPECT_EQ(failed.error().error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(observer_.failed, 1);
  EXPECT_GE(observer_.errors[tpm::ErrorClass::kIo], 1);
  ASSERT_TRUE(rounds_->Report(failed.error().error, {}));
  EXPECT_EQ(controller_.reports().at(0).reason, evidence::TpmTrouble::kTpmError);

  controller_.on_challenge = nullptr;
  ASSERT_FALSE(rounds_->Run({}));
  ASSERT_OK(machine_->Reset());
  const auto recovered = rounds_->Run({});
  ASSERT_TRUE(recovered) << recovered.error().error.message;
  EXPECT_THAT(controller_.rejections(), IsEmpty());
}

TEST_F(AgentRounds, ATpmThatIsResetInARoundIsNoError) {
  ASSERT_TRUE(rounds_->Run({}));
  int resets = 0;
  controller_.on_challenge = [&] {
    if (resets++ == 0) {
      EXPECT_TRUE(machine_->Reset());
    }
  };
  const auto outcome = rounds_->Run({});
  ASSERT_TRUE(outcome) << outcome.error().error.message;
  EXPECT_THAT(controller_.rejections(), IsEmpty());
  EXPECT_THAT(controller_.reports(), IsEmpty());
}

TEST_F(AgentRounds, AnAbsentTpmIsReportedAsAbsent) {
  Restart({KeyProfile::kP384}, "device:/nonexistent/tpmrm0");
  const auto failed = rounds_->Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kTpm);
  ASSERT_TRUE(rounds_->Report(failed.error().error, {}));
  EXPECT_EQ(controller_.reports().at(0).reason, evidence::TpmTrouble::kTpmAbsent);
  EXPECT_THAT(controller_.reports().at(0).detail, HasSubstr("/nonexistent/tpmrm0"));
}

TEST_F(AgentRounds, AHierarchyWithAPasswordIsAClearState) {
  ASSERT_OK(RunProgram(
      {"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_changeauth", "-c", "e", "secret"}));
  const auto failed = rounds_->Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kTpm);
  EXPECT_EQ(failed.error().error.code, ErrorCode::kDenied);
  EXPECT_THAT(failed.error().error.message, HasSubstr("endorsement hierarchy has a password"));
  ExpectNothingLeftBehind();
  ASSERT_OK(RunProgram({"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_changeauth", "-c", "e",
                        "-p", "secret", ""}));
  EXPECT_TRUE(rounds_->Run({}));
}

TEST_F(AgentRounds, ADisabledHierarchyIsAClearState) {
  ASSERT_OK(RunProgram({"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_hierarchycontrol", "-C",
                        "p", "ehEnable", "clear"}));
  const auto failed = rounds_->Run({});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().error.message, HasSubstr("endorsement hierarchy is disabled"));
  ExpectNothingLeftBehind();
}

}  // namespace
}  // namespace plimsoll
