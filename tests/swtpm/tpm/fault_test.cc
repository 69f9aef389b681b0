// TPMs that are slow, wrong or hostile: no handle is left behind, nothing is read past its end, and every failure says what to do next.

#include <gtest/gtest.h>

#include <array>

#include "crypto/credential.h"
#include "crypto/names.h"
#include "crypto/random.h"
#include "node-agent/tpm/attestation.h"
#include "node-agent/tpm/endorsement.h"
#include "node-agent/tpm/templates.h"
#include "swtpm/tcti_server.h"
#include "swtpm/with_machine.h"

namespace plimsoll {
namespace {

using crypto::KeyProfile;
using testing::CommandCode;
using testing::ResponseCode;
using testing::TctiServer;

constexpr char kCluster[] = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";
constexpr uint32_t kFlushContext = 0x165;
constexpr uint32_t kActivateCredential = 0x147;
constexpr uint32_t kPcrRead = 0x17E;
constexpr uint32_t kQuote = 0x158;
constexpr uint32_t kRcRetry = 0x922;
constexpr uint32_t kRcFailure = 0x101;
constexpr uint32_t kRcLockout = 0x921;

class Faults : public testing::WithMachine {
 protected:
  void StartServer(TctiServer::Handler handler) {
    auto server = TctiServer::Start(std::move(handler));
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  // Everything that the agent does with a TPM, through the server. The first failure.
  Status WholeRound() {
    PLIMSOLL_ASSIGN_OR_RETURN(auto device, Open(server_->tcti()));
    PLIMSOLL_RETURN_IF_ERROR(device->ReadProperties());
    PLIMSOLL_ASSIGN_OR_RETURN(const auto endorsement, tpm::FindEndorsement(*device));
    const std::array profiles = {KeyProfile::kP384};
    PLIMSOLL_ASSIGN_OR_RETURN(const auto ak, tpm::MakeAttestationKey(*device, profiles, kCluster));
    crypto::SystemRandom random;
    PLIMSOLL_ASSIGN_OR_RETURN(
        const auto credential,
        crypto::MakeCredential(endorsement.key.public_area(), crypto::ComputeName(ak.public_area()),
                               Bytes(32, 7), random));
    PLIMSOLL_RETURN_IF_ERROR(device->ActivateCredential(
        ak, endorsement.key, credential.credential_blob, credential.encrypted_secret));
    const auto selection = tcg::PcrSelection::Create({{tcg::AlgorithmId::kSha256, 0xFFFF}});
    PLIMSOLL_RETURN_IF_ERROR(tpm::TakeQuote(*device, ak, *selection, Bytes(32, 1)));
    return {};
  }

  std::unique_ptr<TctiServer> server_;
};

TEST_F(Faults, ACommandThatFailsAnywhereLeavesNoHandleBehind) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  int commands = 0;
  int failing = -1;
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    if (CommandCode(command) == kFlushContext) {
      return forward(command);
    }
    return commands++ == failing ? ResponseCode(kRcFailure) : forward(command);
  });
  ASSERT_OK(WholeRound());
  const int total = commands;
  ASSERT_GT(total, 20);
  for (int i = 0; i < total; ++i) {
    SCOPED_TRACE(i);
    commands = 0;
    failing = i;
    // A failure to look at something optional is no failure of the round.
    const Status ignored = WholeRound();
    static_cast<void>(ignored);
    ExpectNothingLeftBehind();
    ASSERT_FALSE(HasFailure());
  }
  // And the failures of what is not optional are seen.
  commands = 0;
  failing = 0;
  EXPECT_FALSE(WholeRound());
}

TEST_F(Faults, ABusyTpmIsAskedAgainAFewTimes) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  int busy = 0;
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    return CommandCode(command) == kQuote && busy++ < 8 ? ResponseCode(kRcRetry) : forward(command);
  });
  EXPECT_TRUE(WholeRound());
  EXPECT_GE(errors_[tpm::ErrorClass::kRetry], 1);
  ExpectNothingLeftBehind();
}

TEST_F(Faults, ATpmThatStaysBusyEndsInAnErrorThatSaysTryAgainLater) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    return CommandCode(command) == kQuote ? ResponseCode(kRcRetry) : forward(command);
  });
  const Status round = WholeRound();
  ASSERT_FALSE(round);
  EXPECT_EQ(round.error().code, ErrorCode::kUnavailable);
  ExpectNothingLeftBehind();
}

TEST_F(Faults, ATpmInLockoutIsLeftAlone) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  int activations = 0;
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    if (CommandCode(command) == kActivateCredential) {
      ++activations;
      return ResponseCode(kRcLockout);
    }
    return forward(command);
  });
  const Status round = WholeRound();
  ASSERT_FALSE(round);
  EXPECT_EQ(round.error().retry, Retry::kBackoff);
  EXPECT_EQ(activations, 1);
  EXPECT_EQ(errors_[tpm::ErrorClass::kLockout], 1);
  ExpectNothingLeftBehind();
}

TEST_F(Faults, PcrsThatMoveDuringAQuoteAreQuotedAgain) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  int quotes = 0;
  int measured = 0;
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    quotes += CommandCode(command) == kQuote ? 1 : 0;
    // Between the first quote and the reading of its values somebody measures a file.
    if (CommandCode(command) == kPcrRead && measured++ == 0) {
      EXPECT_TRUE(machine_->Extend(10, {"sha256:" + std::string(64, 'c')}));
    }
    return forward(command);
  });
  EXPECT_TRUE(WholeRound());
  EXPECT_EQ(quotes, 2);
}

TEST_F(Faults, PcrsThatNeverStandStillEndInAnError) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    if (CommandCode(command) == kPcrRead || CommandCode(command) == kQuote) {
      EXPECT_TRUE(machine_->Extend(10, {"sha256:" + std::string(64, 'c')}));
    }
    return forward(command);
  });
  const Status round = WholeRound();
  ASSERT_FALSE(round);
  EXPECT_EQ(round.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(round.error().retry, Retry::kNow);
}

// E61: whatever the size fields of answers say, the agent gets an error and reads nothing that it
// was not sent.
TEST_F(Faults, E61_SurvivesAnswersWithInflatedLengths) {
  const auto forward = TctiServer::Forward(machine_->tcti());
  int commands = 0;
  int inflated = -1;
  size_t offset = 0;
  StartServer([&](ByteSpan command) -> std::optional<Bytes> {
    auto answer = forward(command);
    if (answer && commands++ == inflated && answer->size() > offset + 1) {
      (*answer)[offset] = 0xFF;
      (*answer)[offset + 1] = 0xFF;
    }
    return answer;
  });
  ASSERT_OK(WholeRound());
  const int total = commands;
  // The size in the header, and the first size fields behind it, of every command in turn.
  for (const size_t at : {size_t{2}, size_t{4}, size_t{10}, size_t{14}, size_t{18}, size_t{20}}) {
    for (int i = 0; i < total; ++i) {
      commands = 0;
      inflated = i;
      offset = at;
      const Status ignored = WholeRound();  // to come back at all is what is asked
      static_cast<void>(ignored);
    }
  }
}

TEST_F(Faults, E61_RefusesAnAnswerLongerThanAnyTpmSends) {
  StartServer([&](ByteSpan) -> std::optional<Bytes> {
    Bytes answer(8192, 0x41);
    answer[0] = 0x80;
    answer[1] = 0x01;
    answer[2] = 0x00;
    answer[3] = 0x00;
    answer[4] = 0x20;
    answer[5] = 0x00;
    answer[6] = answer[7] = answer[8] = answer[9] = 0;
    return answer;
  });
  auto device = Open(server_->tcti());
  ASSERT_OK(device);
  const auto properties = (*device)->ReadProperties();
  ASSERT_FALSE(properties);
  EXPECT_EQ(properties.error().retry, Retry::kReconnect);
  EXPECT_GE(errors_[tpm::ErrorClass::kIo], 1);
}

TEST_F(Faults, ATpmThatDoesNotAnswerIsAnIoErrorAfterTheTimeout) {
  StartServer([](ByteSpan) { return std::nullopt; });
  tpm::Device::Options options;
  options.command_timeout = std::chrono::milliseconds(150);
  auto device = tpm::Device::Open(server_->tcti(), options);
  ASSERT_OK(device);
  const auto properties = (*device)->ReadProperties();
  ASSERT_FALSE(properties);
  EXPECT_EQ(properties.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(properties.error().retry, Retry::kReconnect);
}

TEST_F(Faults, ACommandThatWaitsEndsWhenAskedToStop) {
  std::stop_source stop;
  StartServer([&](ByteSpan) -> std::optional<Bytes> {
    stop.request_stop();  // while the client waits for the answer that does not come
    return std::nullopt;
  });
  tpm::Device::Options options;
  options.stop = stop.get_token();
  auto device = tpm::Device::Open(server_->tcti(), options);
  ASSERT_OK(device);
  EXPECT_FALSE((*device)->ReadProperties());
}

}  // namespace
}  // namespace plimsoll
