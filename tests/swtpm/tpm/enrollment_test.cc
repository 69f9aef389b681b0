// Endorsement keys, credential activation and quotes, each verified by lib/crypto as the controller
// does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/attestation_key.h"
#include "crypto/credential.h"
#include "crypto/digest.h"
#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_chain.h"
#include "crypto/endorsement_key.h"
#include "crypto/names.h"
#include "crypto/random.h"
#include "crypto/verification_key.h"
#include "node-agent/tpm/attestation.h"
#include "node-agent/tpm/endorsement.h"
#include "node-agent/tpm/templates.h"
#include "swtpm/with_machine.h"
#include "tcg/attest.h"
#include "tcg/signature.h"

namespace plimsoll {
namespace {

using crypto::KeyProfile;
using tcg::AlgorithmId;
using testing::RunProgram;
using tpm::EndorsementKind;

constexpr char kCluster[] = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

class Enrollment : public testing::WithMachine {
 protected:
  Status Tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"env", "TPM2TOOLS_TCTI=" + machine_->tcti()});
    PLIMSOLL_RETURN_IF_ERROR(RunProgram(arguments));
    return {};
  }

  // The whole of an enrolment: wraps a secret for (EK, AK Name) in software and lets the TPM unwrap
  // it.
  void ExpectActivates(tpm::Device& device, const tpm::Key& ak, const tpm::Key& ek) {
    ASSERT_FALSE(crypto::CheckEndorsementKey(ek.public_area()));
    ASSERT_FALSE(crypto::CheckAttestationKey(ak.public_area()));
    const Bytes secret(32, 0x5A);
    const auto credential = crypto::MakeCredential(
        ek.public_area(), crypto::ComputeName(ak.public_area()), secret, random_);
    ASSERT_OK(credential);
    const auto recovered = device.ActivateCredential(ak, ek, credential->credential_blob,
                                                     credential->encrypted_secret);
    ASSERT_OK(recovered);
    EXPECT_EQ(ToBytes(recovered->bytes()), secret);
  }

  crypto::SystemRandom random_;
};

class EnrollmentOfProfile : public Enrollment, public ::testing::WithParamInterface<KeyProfile> {};

INSTANTIATE_TEST_SUITE_P(EveryProfile, EnrollmentOfProfile,
                         ::testing::Values(KeyProfile::kP384, KeyProfile::kP256,
                                           KeyProfile::kRsa2048),
                         [](const auto& profile) { return std::string(ToString(profile.param)); });

TEST_P(EnrollmentOfProfile, ActivatesWithEveryEndorsementKeyAndLeavesNoHandle) {
  {
    auto device = Open();
    ASSERT_OK(device);
    const std::array profiles = {GetParam()};
    const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
    ASSERT_OK(ak);
    EXPECT_EQ(crypto::ProfileOf(ak->public_area()), GetParam());
    for (const EndorsementKind kind : tpm::kEndorsementKinds) {
      SCOPED_TRACE(static_cast<int>(kind));
      const auto ek = (*device)->CreatePrimary(tpm::EndorsementTemplate(kind));
      ASSERT_OK(ek);
      ExpectActivates(**device, *ak, *ek);
    }
  }
  ExpectNothingLeftBehind();
}

TEST_P(EnrollmentOfProfile, QuotesWhatLibCryptoVerifies) {
  ASSERT_OK(machine_->Extend(4, {"sha256:" + std::string(64, 'b')}));
  {
    auto device = Open();
    ASSERT_OK(device);
    const std::array profiles = {GetParam()};
    const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
    ASSERT_OK(ak);
    const auto selection = tcg::PcrSelection::Create(
        {{AlgorithmId::kSha256, 0x80FFFF}, {AlgorithmId::kSha1, 0x000003}});
    ASSERT_OK(selection);
    const Bytes qualifying(tcg::DigestSize(ak->public_area().scheme().hash), 0x33);
    const auto quote = tpm::TakeQuote(**device, *ak, *selection, qualifying);
    ASSERT_OK(quote);
    const auto attest = tcg::Attest::Parse(quote->quote.attest);
    const auto signature = tcg::Signature::Parse(quote->quote.signature);
    const auto key = crypto::VerificationKey::FromPublicArea(ak->public_area());
    ASSERT_OK(attest);
    ASSERT_OK(signature);
    ASSERT_OK(key);
    const auto verified = key->Verify(*signature, quote->quote.attest);
    ASSERT_OK(verified);
    EXPECT_EQ(*verified, crypto::SignatureCheck::kValid);
    EXPECT_EQ(attest->magic(), tcg::kTpmGeneratedValue);
    EXPECT_EQ(attest->type(), tcg::kAttestQuote);
    EXPECT_EQ(attest->selection(), *selection);
    EXPECT_EQ(ToBytes(attest->extra_data()), qualifying);
    EXPECT_EQ(attest->signer(),
              crypto::QualifiedNameOfEndorsementPrimary(crypto::ComputeName(ak->public_area())));
    EXPECT_EQ(quote->pcrs.size(), 19U);
  }
  ExpectNothingLeftBehind();
}

TEST_F(Enrollment, PrefersTheP384EndorsementKeyAndItsCertificateChainsToTheMaker) {
  auto device = Open();
  ASSERT_OK(device);
  const auto endorsement = tpm::FindEndorsement(**device);
  ASSERT_OK(endorsement);
  ASSERT_NE(endorsement->key.public_area().ecc(), nullptr);
  EXPECT_EQ(endorsement->key.public_area().ecc()->curve, tcg::CurveId::kNistP384);
  ASSERT_TRUE(endorsement->certificate);
  const auto certificate = crypto::EndorsementCertificate::Parse(*endorsement->certificate);
  ASSERT_OK(certificate);
  EXPECT_TRUE(certificate->IsFor(endorsement->key.public_area()));
  const auto roots = crypto::EndorsementRoots::FromPem(machine_->ca_pem());
  ASSERT_OK(roots);
  const auto rejection = crypto::VerifyEndorsementChain(*certificate, endorsement->chain, *roots,
                                                        SystemClock().Wall(), {});
  ASSERT_OK(rejection);
  EXPECT_FALSE(*rejection) << (*rejection)->check << ": " << (*rejection)->message;
  const std::array profiles = {KeyProfile::kP384};
  const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
  ASSERT_OK(ak);
  ExpectActivates(**device, *ak, endorsement->key);
}

TEST_F(Enrollment, TakesTheRsaKeyWhenOnlyThatHasACertificate) {
  // Without the P-384 certificate; the index is the platform's.
  ASSERT_OK(Tool({"tpm2_nvundefine", "-C", "p", "0x1c00016"}));
  auto device = Open();
  ASSERT_OK(device);
  const auto endorsement = tpm::FindEndorsement(**device);
  ASSERT_OK(endorsement);
  EXPECT_NE(endorsement->key.public_area().rsa(), nullptr);
  EXPECT_TRUE(endorsement->certificate);
  const std::array profiles = {KeyProfile::kP384};
  const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
  ASSERT_OK(ak);
  ExpectActivates(**device, *ak, endorsement->key);
}

TEST_F(Enrollment, TakesThePersistentKeyOfTheCertificateOverMakingOne) {
  auto device = Open();
  ASSERT_OK(device);
  const auto persistent = (*device)->Handles(tpm::HandleKind::kPersistent);
  ASSERT_OK(persistent);
  EXPECT_THAT(*persistent, ::testing::Contains(0x81010016U));
  const auto endorsement = tpm::FindEndorsement(**device);
  ASSERT_OK(endorsement);
  EXPECT_TRUE(endorsement->key.persistent());
}

TEST_F(Enrollment, MakesTheKeyWhereThereIsNoPersistentOne) {
  for (const char* handle : {"0x81010001", "0x81010016"}) {
    ASSERT_OK(Tool({"tpm2_evictcontrol", "-C", "p", "-c", handle}));
  }
  {
    auto device = Open();
    ASSERT_OK(device);
    const auto endorsement = tpm::FindEndorsement(**device);
    ASSERT_OK(endorsement);
    EXPECT_FALSE(endorsement->key.persistent());
    EXPECT_TRUE(endorsement->certificate);
  }
  ExpectNothingLeftBehind();
}

TEST_F(Enrollment, HasAKeyWithoutACertificateWhenNoneIsThere) {
  for (const char* index : {"0x1c00016", "0x1c00002"}) {
    ASSERT_OK(Tool({"tpm2_nvundefine", "-C", "p", index}));
  }
  {
    auto device = Open();
    ASSERT_OK(device);
    const auto endorsement = tpm::FindEndorsement(**device);
    ASSERT_OK(endorsement);
    EXPECT_FALSE(endorsement->certificate);
    EXPECT_EQ(endorsement->key.public_area().ecc()->curve, tcg::CurveId::kNistP384);
  }
  ExpectNothingLeftBehind();
}

TEST_F(Enrollment, FindsACertificateAtAnIndexOfItsOwn) {
  const std::string file = machine_->directory() + "/ek.der";
  ASSERT_OK(Tool({"tpm2_nvread", "-C", "o", "-o", file, "0x1c00016"}));
  ASSERT_OK(Tool({"tpm2_nvundefine", "-C", "p", "0x1c00016"}));
  ASSERT_OK(Tool({"tpm2_nvundefine", "-C", "p", "0x1c00002"}));
  ASSERT_OK(Tool({"tpm2_nvdefine", "-C", "o", "-s", "900", "-a",
                  "ownerread|ownerwrite|authread|no_da", "0x1c07123"}));
  ASSERT_OK(Tool({"tpm2_nvwrite", "-C", "o", "-i", file, "0x1c07123"}));
  auto device = Open();
  ASSERT_OK(device);
  const auto endorsement = tpm::FindEndorsement(**device);
  ASSERT_OK(endorsement);
  EXPECT_TRUE(endorsement->certificate);
  EXPECT_EQ(endorsement->key.public_area().ecc()->curve, tcg::CurveId::kNistP384);
}

TEST_F(Enrollment, HonoursTheTemplateInNv) {
  const auto stored =
      tpm::WithNonce(tpm::EndorsementTemplate(EndorsementKind::kHighP384), Bytes(20, 0x77));
  ASSERT_OK(stored);
  const std::string file = machine_->directory() + "/template";
  std::ofstream(file, std::ios::binary) << AsText(*stored);
  for (const char* index : {"0x1c00016", "0x1c00002"}) {
    ASSERT_OK(Tool({"tpm2_nvundefine", "-C", "p", index}));
  }
  ASSERT_OK(Tool({"tpm2_nvdefine", "-C", "o", "-s", std::to_string(stored->size()), "-a",
                  "ownerread|ownerwrite|authread|no_da", "0x1c00017"}));
  ASSERT_OK(Tool({"tpm2_nvwrite", "-C", "o", "-i", file, "0x1c00017"}));
  auto device = Open();
  ASSERT_OK(device);
  const auto endorsement = tpm::FindEndorsement(**device);
  ASSERT_OK(endorsement);
  const auto expected = (*device)->CreatePrimary(*stored);
  ASSERT_OK(expected);
  const auto usual = (*device)->CreatePrimary(tpm::EndorsementTemplate(EndorsementKind::kHighP384));
  ASSERT_OK(usual);
  EXPECT_EQ(endorsement->key.public_area(), expected->public_area());
  EXPECT_NE(endorsement->key.public_area(), usual->public_area());
}

TEST_F(Enrollment, PassesOverNvIndicesThatWantAPassword) {
  ASSERT_OK(Tool({"tpm2_nvdefine", "-C", "o", "-s", "8", "-a", "authread|authwrite", "-p", "secret",
                  "0x1c00099"}));
  auto device = Open();
  ASSERT_OK(device);
  EXPECT_TRUE(tpm::FindEndorsement(**device));
  EXPECT_EQ(errors_[tpm::ErrorClass::kAuth], 0);
}

TEST_F(Enrollment, TheTpmRefusesACredentialForAnotherKeyAndNothingStays) {
  {
    auto device = Open();
    ASSERT_OK(device);
    const std::array profiles = {KeyProfile::kP384};
    const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
    const auto other = tpm::MakeAttestationKey(**device, profiles, "another cluster");
    ASSERT_OK(ak);
    ASSERT_OK(other);
    for (const EndorsementKind kind : {EndorsementKind::kHighP384, EndorsementKind::kLowRsa2048}) {
      const auto ek = (*device)->CreatePrimary(tpm::EndorsementTemplate(kind));
      ASSERT_OK(ek);
      const auto credential = crypto::MakeCredential(
          ek->public_area(), crypto::ComputeName(other->public_area()), Bytes(32, 1), random_);
      ASSERT_OK(credential);
      const auto recovered = (*device)->ActivateCredential(*ak, *ek, credential->credential_blob,
                                                           credential->encrypted_secret);
      EXPECT_FALSE(recovered);
      EXPECT_FALSE((*device)->ActivateCredential(*ak, *ek, Bytes(40, 0xFF), Bytes(40, 0xFF)));
    }
  }
  ExpectNothingLeftBehind();
}

TEST_F(Enrollment, NeverCountsAgainstTheDictionaryAttackProtection) {
  // A persistent EK with a password and a hierarchy with a password: nothing works, nothing is
  // guessed.
  ASSERT_OK(Tool({"tpm2_changeauth", "-c", "e", "secret"}));
  {
    auto device = Open();
    ASSERT_OK(device);
    const auto endorsement = tpm::FindEndorsement(**device);
    ASSERT_OK(endorsement);
    ASSERT_TRUE(endorsement->key.persistent());
    const std::array profiles = {KeyProfile::kP384};
    const auto ak = tpm::MakeAttestationKey(**device, profiles, kCluster);
    ASSERT_FALSE(ak);
    EXPECT_EQ(ak.error().code, ErrorCode::kDenied);
  }
  const auto properties = RunProgram(
      {"env", "TPM2TOOLS_TCTI=" + machine_->tcti(), "tpm2_getcap", "properties-variable"});
  ASSERT_OK(properties);
  EXPECT_THAT(*properties, ::testing::HasSubstr("TPM2_PT_LOCKOUT_COUNTER: 0x0"));
  ExpectNothingLeftBehind();
}

}  // namespace
}  // namespace plimsoll
