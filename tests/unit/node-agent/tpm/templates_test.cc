#include "node-agent/tpm/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "tcg/public_area.h"

namespace plimsoll::tpm {
namespace {

using crypto::KeyProfile;
using tcg::AlgorithmId;

constexpr char kCluster[] = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

TEST(Templates, EveryTemplateDecodesAndIsWhatItsProfileSays) {
  for (const EndorsementKind kind : kEndorsementKinds) {
    const auto area = tcg::PublicArea::Parse(EndorsementTemplate(kind));
    ASSERT_TRUE(area) << area.error().message;
    EXPECT_TRUE(area->attributes().restricted());
    EXPECT_TRUE(area->attributes().decrypt());
    EXPECT_FALSE(area->attributes().sign_encrypt());
    EXPECT_TRUE(area->attributes().fixed_tpm());
  }
  for (const KeyProfile profile : {KeyProfile::kP384, KeyProfile::kP256, KeyProfile::kRsa2048}) {
    const auto area = tcg::PublicArea::Parse(AttestationTemplate(profile, kCluster));
    ASSERT_TRUE(area) << area.error().message;
    EXPECT_EQ(crypto::ProfileOf(*area), profile);
    EXPECT_EQ(area->attributes().bits(), 0x00050472U);
    EXPECT_TRUE(area->auth_policy().empty());
  }
}

// The exact derivation, written out: what it gives may never change, or every enrolled key is
// another one.
TEST(Templates, DerivesUniqueFromTheClusterAsDocumented) {
  std::string input = "plimsoll.dev/attestation-key/v1";
  input.push_back('\0');
  input += kCluster;
  const auto p384 = tcg::PublicArea::Parse(AttestationTemplate(KeyProfile::kP384, kCluster));
  EXPECT_EQ(p384->ecc()->x, crypto::Digest(AlgorithmId::kSha384, {AsBytes(input)}));
  EXPECT_EQ(p384->ecc()->y, Bytes(48, 0));
  const auto p256 = tcg::PublicArea::Parse(AttestationTemplate(KeyProfile::kP256, kCluster));
  EXPECT_EQ(p256->ecc()->x, crypto::Digest(AlgorithmId::kSha256, {AsBytes(input)}));
  EXPECT_EQ(p256->ecc()->y, Bytes(32, 0));
  const auto rsa = tcg::PublicArea::Parse(AttestationTemplate(KeyProfile::kRsa2048, kCluster));
  Bytes unique = crypto::Digest(AlgorithmId::kSha256, {AsBytes(input)});
  unique.resize(256, 0);
  EXPECT_EQ(rsa->rsa()->modulus, unique);
  EXPECT_NE(AttestationTemplate(KeyProfile::kP384, kCluster),
            AttestationTemplate(KeyProfile::kP384, "other"));
}

TEST(Templates, PolicyBIsPolicyOrOfAAndC) {
  for (const AlgorithmId hash : {AlgorithmId::kSha256, AlgorithmId::kSha384}) {
    const Bytes zero(tcg::DigestSize(hash), 0);
    const Bytes policy_or = {0x00, 0x00, 0x01, 0x71};
    EXPECT_EQ(EndorsementPolicyB(hash),
              crypto::Digest(
                  hash, {zero, policy_or, EndorsementPolicyA(hash), EndorsementPolicyC(hash)}));
    const Bytes policy_secret = {0x00, 0x00, 0x01, 0x51};
    const Bytes endorsement = {0x40, 0x00, 0x00, 0x0B};
    const Bytes inner = crypto::Digest(hash, {zero, policy_secret, endorsement});
    EXPECT_EQ(EndorsementPolicyA(hash), crypto::Digest(hash, {inner}));
  }
}

TEST(Templates, PutsTheNonceInFrontOfZeros) {
  const Bytes nonce = {1, 2, 3};
  const auto rsa = WithNonce(EndorsementTemplate(EndorsementKind::kLowRsa2048), nonce);
  ASSERT_TRUE(rsa);
  const auto area = tcg::PublicArea::Parse(*rsa);
  ASSERT_TRUE(area);
  Bytes unique = nonce;
  unique.resize(256, 0);
  EXPECT_EQ(area->rsa()->modulus, unique);
  const auto ecc = WithNonce(EndorsementTemplate(EndorsementKind::kLowP256), nonce);
  unique.resize(32);
  EXPECT_EQ(tcg::PublicArea::Parse(*ecc)->ecc()->x, unique);
  EXPECT_FALSE(WithNonce(EndorsementTemplate(EndorsementKind::kLowP256), Bytes(33, 1)));
  EXPECT_FALSE(WithNonce(Bytes{1, 2, 3}, nonce));
}

}  // namespace
}  // namespace plimsoll::tpm
