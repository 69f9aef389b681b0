#include "node-agent/tpm/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-agent/tpm/attestation.h"
#include "node-agent/tpm/templates.h"
#include "swtpm/with_machine.h"
#include "tcg/attest.h"

namespace plimsoll {
namespace {

using crypto::KeyProfile;
using tcg::AlgorithmId;
using testing::RunProgram;

using Device = testing::WithMachine;

constexpr char kCluster[] = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

TEST_F(Device, TellsWhatTheTpmIs) {
  auto device = Open();
  ASSERT_OK(device);
  const auto properties = (*device)->ReadProperties();
  ASSERT_OK(properties);
  EXPECT_EQ(properties->manufacturer, "IBM");
  EXPECT_EQ(properties->vendor, "SWTPM");
  EXPECT_THAT(properties->firmware_version,
              ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(properties->spec_revision, "1.64");
  EXPECT_EQ(properties->banks.Mask(AlgorithmId::kSha1), 0xFFFFFFU);
  EXPECT_EQ(properties->banks.Mask(AlgorithmId::kSha256), 0xFFFFFFU);
  EXPECT_EQ(properties->banks.Mask(AlgorithmId::kSha384), 0xFFFFFFU);
  EXPECT_EQ(properties->banks.Mask(AlgorithmId::kSha512), 0U);
  EXPECT_TRUE(properties->endorsement_enabled);
  EXPECT_FALSE(properties->endorsement_auth_set);
  EXPECT_FALSE(properties->in_lockout);
}

TEST_F(Device, FindsAndReadsTheCertificatesInNv) {
  auto device = Open();
  ASSERT_OK(device);
  const auto indices = (*device)->NvIndices(tpm::kEndorsementNvFirst, tpm::kEndorsementNvLast);
  ASSERT_OK(indices);
  EXPECT_THAT(*indices, ::testing::IsSupersetOf({0x01C00002U, 0x01C00016U}));
  const auto certificate = (*device)->ReadNv(0x01C00002, 8192);
  ASSERT_OK(certificate);
  EXPECT_GT(certificate->size(), 900U);  // more than one piece of NV_BUFFER_MAX would be too
  EXPECT_EQ((*certificate)[0], 0x30);
  const auto too_large = (*device)->ReadNv(0x01C00002, 100);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kTooLarge);
  EXPECT_FALSE((*device)->ReadNv(0x01C00100, 8192));
}

TEST_F(Device, GivesTheSameAttestationKeyAfterARestartAndAnotherInAnotherCluster) {
  for (const KeyProfile profile : {KeyProfile::kP384, KeyProfile::kP256, KeyProfile::kRsa2048}) {
    const std::array profiles = {profile};
    Bytes first;
    {
      auto device = Open();
      ASSERT_OK(device);
      const auto key = tpm::MakeAttestationKey(**device, profiles, kCluster);
      ASSERT_OK(key);
      first = ToBytes(key->public_area().bytes());
      const auto other = tpm::MakeAttestationKey(**device, profiles, "another cluster");
      ASSERT_OK(other);
      EXPECT_NE(first, ToBytes(other->public_area().bytes()));
      EXPECT_EQ(crypto::ProfileOf(key->public_area()), profile);
    }
    ASSERT_OK(machine_->Reset());
    auto device = Open();
    ASSERT_OK(device);
    const auto again = tpm::MakeAttestationKey(**device, profiles, kCluster);
    ASSERT_OK(again);
    EXPECT_EQ(first, ToBytes(again->public_area().bytes()));
  }
  ExpectNothingLeftBehind();
}

TEST_F(Device, TakesTheFirstProfileThatTheTpmCanMake) {
  auto device = Open();
  ASSERT_OK(device);
  // libtpms has no template that it does not make; one with an impossible hash stands for it.
  Bytes impossible = tpm::AttestationTemplate(KeyProfile::kP384, kCluster);
  impossible[16] = 0x00;  // the scheme's hash
  impossible[17] = 0x12;  // SM3
  const auto refused = (*device)->CreatePrimary(impossible);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported) << refused.error().message;
  EXPECT_FALSE(tpm::MakeAttestationKey(**device, {}, kCluster));
}

TEST_F(Device, ReadsAllPcrsOfSeveralBanksInTheirOrder) {
  ASSERT_OK(machine_->Extend(8, {"sha256:" + std::string(64, 'a')}));
  auto device = Open();
  ASSERT_OK(device);
  const auto selection = tcg::PcrSelection::Create(
      {{AlgorithmId::kSha256, 0xFFFFFF}, {AlgorithmId::kSha384, 0x0000FF}});
  ASSERT_OK(selection);
  const auto values = (*device)->ReadPcrs(*selection);
  ASSERT_OK(values);
  ASSERT_EQ(values->size(), 32U);
  for (size_t i = 0; i < 24; ++i) {
    EXPECT_EQ((*values)[i].bank, AlgorithmId::kSha256);
    EXPECT_EQ((*values)[i].index, i);
  }
  EXPECT_EQ((*values)[31].digest.size(), 48U);
  EXPECT_NE((*values)[8].digest, Bytes(32, 0));
}

TEST_F(Device, LeavesOutPcrsOfABankThatIsNotAllocated) {
  auto device = Open();
  ASSERT_OK(device);
  const auto selection = tcg::PcrSelection::Create({{AlgorithmId::kSha512, 0xFF}});
  const auto values = (*device)->ReadPcrs(*selection);
  ASSERT_OK(values);
  EXPECT_TRUE(values->empty());
  const std::array profiles = {KeyProfile::kP384};
  const auto key = tpm::MakeAttestationKey(**device, profiles, kCluster);
  ASSERT_OK(key);
  const auto quote = tpm::TakeQuote(**device, *key, *selection, Bytes(32, 1));
  ASSERT_FALSE(quote);
  EXPECT_EQ(quote.error().code, ErrorCode::kUnsupported);
}

TEST_F(Device, CountsBootsAcrossAReset) {
  const std::array profiles = {KeyProfile::kP384};
  const auto selection = tcg::PcrSelection::Create({{AlgorithmId::kSha256, 0xFF}});
  const auto clock = [&]() -> tcg::ClockInfo {
    auto device = Open();
    const auto key = tpm::MakeAttestationKey(**device, profiles, kCluster);
    const auto quote = tpm::TakeQuote(**device, *key, *selection, {});
    return tcg::Attest::Parse(quote->quote.attest)->clock();
  };
  const tcg::ClockInfo before = clock();
  ASSERT_OK(machine_->Reset());
  const tcg::ClockInfo after = clock();
  EXPECT_EQ(after.reset_count, before.reset_count + 1);
}

TEST_F(Device, SaysThatTheEndorsementHierarchyHasAPassword) {
  const auto changed = RunProgram(
      {"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_changeauth", "-c", "e", "secret"});
  ASSERT_OK(changed);
  auto device = Open();
  ASSERT_OK(device);
  EXPECT_TRUE((*device)->ReadProperties()->endorsement_auth_set);
  const auto key = (*device)->CreatePrimary(tpm::AttestationTemplate(KeyProfile::kP384, kCluster));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kDenied);
  EXPECT_EQ(key.error().retry, Retry::kNever);
  EXPECT_EQ(errors_[tpm::ErrorClass::kAuth], 1);
  EXPECT_FALSE((*device)->ReadProperties()->in_lockout);
}

TEST_F(Device, SeesARealLockoutComeAndGoAndWorksOnInIt) {
  auto device = Open();
  ASSERT_OK(device);
  EXPECT_FALSE((*device)->ReadProperties()->in_lockout);
  ASSERT_OK(machine_->Lockout());
  EXPECT_TRUE((*device)->ReadProperties()->in_lockout);
  // Our keys are outside of the protection: a locked TPM still attests.
  const std::array profiles = {KeyProfile::kP256};
  const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
  ASSERT_OK(ak);
  const auto selection = tcg::PcrSelection::Create({{AlgorithmId::kSha256, 0xFF}});
  EXPECT_TRUE(tpm::TakeQuote(**device, *ak, *selection, Bytes(32, 1)));
  EXPECT_EQ(errors_[tpm::ErrorClass::kLockout], 0);
  ASSERT_OK(machine_->EndLockout());
  EXPECT_FALSE((*device)->ReadProperties()->in_lockout);
}

TEST_F(Device, SaysThatTheEndorsementHierarchyIsDisabled) {
  ASSERT_OK(RunProgram({"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_hierarchycontrol", "-C",
                        "p", "ehEnable", "clear"}));
  auto device = Open();
  ASSERT_OK(device);
  EXPECT_FALSE((*device)->ReadProperties()->endorsement_enabled);
  const auto key = (*device)->CreatePrimary(tpm::AttestationTemplate(KeyProfile::kP384, kCluster));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kDenied);
  EXPECT_EQ(errors_[tpm::ErrorClass::kHierarchy], 1);
}

TEST_F(Device, MakesRoomWhereAKilledProcessLeftObjects) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(RunProgram({"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_createprimary", "-C",
                          "e", "-G", "ecc", "-c", machine_->directory() + "/left.ctx"}));
  }
  {
    auto device = Open();
    ASSERT_OK(device);
    ASSERT_EQ((*device)->Handles(tpm::HandleKind::kTransient)->size(), 3U);
    EXPECT_TRUE((*device)->CreatePrimary(tpm::AttestationTemplate(KeyProfile::kP384, kCluster)));
  }
  ExpectNothingLeftBehind();
}

TEST_F(Device, IsAnIoErrorWhenTheTpmDiesAndWorksWhenOpenedAgain) {
  auto device = Open();
  ASSERT_OK(device);
  auto key = (*device)->CreatePrimary(tpm::AttestationTemplate(KeyProfile::kP384, kCluster));
  ASSERT_OK(key);
  ASSERT_OK(machine_->Kill());
  const auto dead = (*device)->ReadProperties();
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(dead.error().retry, Retry::kReconnect);
  EXPECT_GE(errors_[tpm::ErrorClass::kIo], 1);
  const auto refused = Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry, Retry::kReconnect);
  ASSERT_OK(machine_->Reset());
  auto again = Open();
  ASSERT_OK(again);
  EXPECT_TRUE((*again)->ReadProperties());
}

// By the file of tpm2-tss's own module, as every TCTI but swtpm's is reached.
TEST_F(Device, WorksThroughAModuleOfTpm2Tss) {
  const std::string options = machine_->tcti().substr(machine_->tcti().find(':'));
  {
    auto device = Open("libtss2-tcti-swtpm.so.0" + options);
    ASSERT_OK(device);
    EXPECT_FALSE((*device)->shareable());
    EXPECT_TRUE((*device)->ReadProperties());
    const std::array profiles = {KeyProfile::kP384};
    const auto key = tpm::MakeAttestationKey(**device, profiles, kCluster);
    ASSERT_OK(key);
    const auto selection = tcg::PcrSelection::Create({{AlgorithmId::kSha256, 0xFFFFFF}});
    EXPECT_TRUE(tpm::TakeQuote(**device, *key, *selection, Bytes(32, 1)));
  }
  ExpectNothingLeftBehind();
  auto device = Open("libtss2-tcti-swtpm.so.0" + options);
  ASSERT_OK(device);
  ASSERT_OK(machine_->Kill());
  const auto dead = (*device)->ReadProperties();
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().retry, Retry::kReconnect);
}

TEST(DeviceWithoutMachine, IsNotFoundWhenThereIsNoSuchDeviceNode) {
  tpm::SilenceLibrary();
  const auto device = tpm::Device::Open("device:/nonexistent/tpmrm0", {});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(device.error().retry, Retry::kReconnect);
}

TEST(DeviceWithoutMachine, IsUnavailableForATctiThatDoesNotExist) {
  tpm::SilenceLibrary();
  const auto device = tpm::Device::Open("no-such-module:", {});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace plimsoll
