#include "node-agent/attest/round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/fake_controller.h"
#include "fakes/fake_tpm_access.h"
#include "fakes/recording_logger.h"

namespace plimsoll::attest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const Error kGone{ErrorCode::kUnavailable, "TPM2_Quote: tcti:IO failure (0xa000a)",
                  Retry::kReconnect};
const Error kAbsent{ErrorCode::kNotFound, "there is no /dev/tpmrm0", Retry::kReconnect};
const Error kDenied{ErrorCode::kDenied, "TPM2_CreatePrimary: bad auth (0x9a2)", Retry::kNever};

class Round : public ::testing::Test {
 protected:
  Rounds MakeRounds(std::vector<crypto::KeyProfile> profiles = {crypto::KeyProfile::kP384,
                                                                crypto::KeyProfile::kP256}) {
    RoundOptions options;
    options.profiles = std::move(profiles);
    options.addresses = addresses_;
    return Rounds(
        std::move(options),
        [this](const std::string& address) -> Result<std::unique_ptr<transport::Transport>> {
          connections_.push_back(address);
          if (std::ranges::find(dead_, address) != dead_.end()) {
            return std::make_unique<fakes::FakeTransport>();  // fails every request
          }
          return controller_.Connect();
        },
        tpm_, log_);
  }

  std::vector<std::string> addresses_ = {"a:1"};
  std::vector<std::string> dead_;
  std::vector<std::string> connections_;
  fakes::FakeController controller_;
  fakes::FakeTpmAccess tpm_;
  fakes::RecordingLogger log_;
};

TEST_F(Round, EnrollsTheFirstTimeAndOnlyThen) {
  Rounds rounds = MakeRounds();
  const auto first = rounds.Run({});
  ASSERT_TRUE(first) << first.error().error.message;
  EXPECT_THAT(controller_.paths(), ElementsAre("/v1/cluster", "/v1/challenges", "/v1/enrollments",
                                               StartsWith("/v1/enrollments/enrollment-"),
                                               "/v1/challenges", "/v1/evidence"));
  EXPECT_THAT(controller_.rejections(), IsEmpty());
  ASSERT_EQ(controller_.statements().size(), 1U);
  EXPECT_EQ(first->next_attestation_in, std::chrono::seconds(300));
  ASSERT_TRUE(rounds.Run({}));
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_EQ(controller_.enrollments().size(), 1U);
  EXPECT_EQ(controller_.statements().size(), 3U);
}

TEST_F(Round, IsOneConnection) {
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_THAT(connections_, ElementsAre("a:1"));
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_THAT(connections_, ElementsAre("a:1", "a:1"));
  EXPECT_EQ(tpm_.releases, 2);
}

TEST_F(Round, DescribesHostAndTpm) {
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Run({}));
  const auto enrollments = controller_.enrollments();
  ASSERT_EQ(enrollments.size(), 1U);
  EXPECT_EQ(enrollments[0].agent_version, PLIMSOLL_VERSION);
  EXPECT_EQ(enrollments[0].tpm.manufacturer, "IFX");
  EXPECT_EQ(enrollments[0].tpm.firmware_version, "7.2.3.1");
  EXPECT_FALSE(enrollments[0].endorsement_certificate);
  EXPECT_FALSE(controller_.statements()[0].kernel.empty());
  EXPECT_EQ(controller_.statements()[0].agent_version, PLIMSOLL_VERSION);
  EXPECT_FALSE(controller_.statements()[0].boot_event_log);
}

TEST_F(Round, EnrollsAgainWhenTheKeyIsForgotten) {
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Run({}));
  controller_.ForgetKey();
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_EQ(controller_.enrollments().size(), 2U);
}

TEST_F(Round, AsksWhatClusterItIsAfterEachEnrolment) {
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Run({}));
  controller_.cluster_uid = "9b4e28ba-2fa1-11d2-883f-0016d3cca427";
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_EQ(tpm_.last_cluster, controller_.cluster_uid);
}

TEST_F(Round, UsesOnlyProfilesThatBothSidesTake) {
  controller_.key_profiles = {"rsa2048", "p256", "p521"};
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_THAT(tpm_.last_profiles, ElementsAre(crypto::KeyProfile::kP256));
  controller_.key_profiles = {"rsa2048"};
  Rounds others = MakeRounds();
  const auto refused = others.Run({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().origin, Origin::kController);
  controller_.key_profiles = {"p384"};
  EXPECT_TRUE(others.Run({}));
}

TEST_F(Round, DoesNotEnrollWhenItsIdentityIsDenied) {
  Rounds rounds = MakeRounds();
  controller_.Refuse("/v1/challenges", 403, "IdentityDenied", std::chrono::seconds(600));
  const auto denied = rounds.Run({});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().reason, "IdentityDenied");
  EXPECT_EQ(denied.error().retry_after, std::chrono::seconds(600));
  EXPECT_THAT(controller_.enrollments(), IsEmpty());
}

TEST_F(Round, DoesNotTryAgainByItselfWhenTheControllerRefuses) {
  struct Case {
    const char* path;
    int status;
    const char* reason;
  };
  constexpr Case kCases[] = {
      {"/v1/cluster", 401, "Unauthenticated"},
      {"/v1/enrollments", 422, "EndorsementKeyRejected"},
      {"/v1/enrollments/", 409, "IdentityConflict"},
      {"/v1/challenges", 429, "RateLimited"},
      {"/v1/evidence", 409, "UnknownChallenge"},
      {"/v1/evidence", 422, "EvidenceMalformed"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.reason);
    controller_.ForgetKey();
    const size_t before = controller_.paths().size();
    controller_.Refuse(c.path, c.status, c.reason);
    Rounds rounds = MakeRounds();
    const auto refused = rounds.Run({});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().origin, Origin::kController);
    EXPECT_EQ(refused.error().reason, c.reason);
    EXPECT_THAT(refused.error().error.message, HasSubstr(c.reason));
    EXPECT_THAT(controller_.paths().back(), StartsWith(c.path));
    EXPECT_LE(controller_.paths().size() - before, 6U);
  }
}

TEST_F(Round, OpensATpmAnewOnceThatLostItsConnection) {
  Rounds rounds = MakeRounds();
  tpm_.FailNext("Quote", kGone);
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_EQ(tpm_.closed, 1);
  EXPECT_THAT(controller_.rejections(), IsEmpty());
  tpm_.FailNext("Describe", kGone);
  tpm_.FailNext("Describe", kGone);
  const auto failed = rounds.Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kTpm);
}

TEST_F(Round, DoesNotAskTwiceForATpmThatIsNotThereOrRefuses) {
  Rounds rounds = MakeRounds();
  for (const Error& error : {kAbsent, kDenied}) {
    tpm_.FailNext("Describe", error);
    const auto failed = rounds.Run({});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().origin, Origin::kTpm);
    EXPECT_EQ(failed.error().error.code, error.code);
  }
  EXPECT_THAT(controller_.paths(), IsEmpty());
}

TEST_F(Round, EveryTpmStepFailsAsTheTpm) {
  for (const char* step :
       {"Describe", "AttestationKey", "EndorsementKey", "ActivateCredential", "Quote"}) {
    SCOPED_TRACE(step);
    controller_.ForgetKey();
    Rounds rounds = MakeRounds();
    tpm_.FailNext(step, kDenied);
    const auto failed = rounds.Run({});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().origin, Origin::kTpm);
  }
}

TEST_F(Round, ReportsAnAbsentAndAFailedTpm) {
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Report(kAbsent, {}));
  ASSERT_TRUE(rounds.Report(
      {ErrorCode::kUnavailable, "bad\n\x01" + std::string(500, 'x'), Retry::kReconnect}, {}));
  const auto reports = controller_.reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].reason, evidence::TpmTrouble::kTpmAbsent);
  EXPECT_EQ(reports[0].detail, "there is no /dev/tpmrm0");
  EXPECT_EQ(reports[1].reason, evidence::TpmTrouble::kTpmError);
  EXPECT_THAT(reports[1].detail, StartsWith("bad??xxx"));
}

TEST_F(Round, GoesOnToTheNextAddressAndStaysThere) {
  addresses_ = {"a:1", "b:2", "c:3"};
  dead_ = {"a:1"};
  Rounds rounds = MakeRounds();
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_THAT(connections_, ElementsAre("a:1", "b:2"));
  ASSERT_TRUE(rounds.Run({}));
  EXPECT_THAT(connections_, ElementsAre("a:1", "b:2", "b:2"));
}

TEST_F(Round, FailsWhenNoAddressAnswersAndBeginsWithAnotherNextTime) {
  addresses_ = {"a:1", "b:2"};
  dead_ = addresses_;
  Rounds rounds = MakeRounds();
  const auto failed = rounds.Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kController);
  EXPECT_THAT(connections_, ElementsAre("a:1", "b:2"));
  dead_.clear();
  EXPECT_TRUE(rounds.Run({}));
}

TEST_F(Round, NeedsABootId) {
  RoundOptions options;
  options.profiles = {crypto::KeyProfile::kP384};
  options.addresses = addresses_;
  options.files.boot_id = "/nonexistent/boot_id";
  Rounds rounds(
      std::move(options),
      [this](const std::string&) {
        return Result<std::unique_ptr<transport::Transport>>(controller_.Connect());
      },
      tpm_, log_);
  const auto failed = rounds.Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kHost);
}

TEST_F(Round, DoesNotTakeAnAnswerThatIsNotTheProtocols) {
  fakes::FakeTransport* sent = nullptr;
  RoundOptions options;
  options.profiles = {crypto::KeyProfile::kP384};
  options.addresses = addresses_;
  Rounds rounds(
      std::move(options),
      [&](const std::string&) -> Result<std::unique_ptr<transport::Transport>> {
        auto connection = std::make_unique<fakes::FakeTransport>();
        sent = connection.get();
        sent->Answer(200, R"({"clusterUID": 5})");
        return connection;
      },
      tpm_, log_);
  const auto failed = rounds.Run({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().origin, Origin::kController);
  EXPECT_THAT(failed.error().error.message, HasSubstr("the controller's answer"));
}

TEST(Connector, NeedsACaFile) {
  const Connector connector =
      MakeConnector({{"127.0.0.1:1"}, "", "/nonexistent/ca.crt", "/nonexistent/token"});
  const auto transport = connector("127.0.0.1:1");
  ASSERT_FALSE(transport);
  EXPECT_EQ(transport.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace plimsoll::attest
