#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

// Steps 2 and 3: the key, and the signature under it.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::KeyTemplate;
using fakes::SoftwareKey;
using tcg::AlgorithmId;

// Good evidence by the key, appraised under the public area that `spoil` makes of it.
Appraisal JudgeUnder(KeyTemplate spoiled) {
  AttestedNode node(KeyTemplate::AkP256());
  node.key = SigningKey::FromPublicArea(node.tpm.ak().With(std::move(spoiled)).MarshalPublic());
  return Judge(node);
}

TEST(KeyChecks, K01_RejectsKeysThatSignMoreThanWhatTheTpmMade) {
  constexpr uint32_t kGood = KeyTemplate::kAkAttributes;
  const uint32_t bad[] = {
      kGood & ~(1U << 16),  // not restricted
      kGood & ~(1U << 18),  // not for signing
      kGood & ~(1U << 1),   // not fixedTPM
      kGood & ~(1U << 4),   // not fixedParent
      kGood & ~(1U << 5),   // imported: no sensitiveDataOrigin
      kGood | 1U << 17,     // for decryption too
      kGood | 1U << 11,     // encryptedDuplication
      kGood | 1U << 2,      // stClear
  };
  for (const uint32_t attributes : bad) {
    KeyTemplate key = KeyTemplate::AkP256();
    key.attributes = attributes;
    EXPECT_THAT(JudgeUnder(key), IsRefusedBy("K1", Reason::kAttestationKeyRejected)) << attributes;
  }
}

TEST(KeyChecks, K02_RejectsAKeyThatLeavesTheSchemeToTheSigner) {
  KeyTemplate key = KeyTemplate::AkP256();
  key.scheme = {AlgorithmId::kNull, AlgorithmId::kNull};
  EXPECT_THAT(JudgeUnder(key), IsRefusedBy("K2", Reason::kAttestationKeyRejected));
}

TEST(KeyChecks, K02_RejectsWhatIsNoPublicArea) {
  AttestedNode node(KeyTemplate::AkP256());
  Bytes area = node.tpm.ak().MarshalPublic();
  area.push_back(0);
  node.key = SigningKey::FromPublicArea(area);
  EXPECT_THAT(Judge(node), IsRefusedBy("K2", Reason::kAttestationKeyRejected));
  node.key = SigningKey::FromPublicArea({});
  EXPECT_THAT(Judge(node), IsRefusedBy("K2", Reason::kAttestationKeyRejected));
}

TEST(KeyChecks, K03_RejectsAPublicAreaThatHasNotTheRecordedName) {
  AttestedNode node(KeyTemplate::AkP256());
  const SoftwareKey other(KeyTemplate::AkP256());
  node.key = SigningKey::FromPublicArea(node.tpm.ak().MarshalPublic(), other.Name());
  EXPECT_THAT(Judge(node), IsRefusedBy("K3", Reason::kAttestationKeyRejected));
  node.key = SigningKey::FromPublicArea(node.tpm.ak().MarshalPublic(), node.tpm.ak().Name());
  EXPECT_THAT(Judge(node), IsTrusted());
}

TEST(KeyChecks, K04_RejectsANameBySha1) {
  KeyTemplate key = KeyTemplate::AkP256();
  key.name_algorithm = AlgorithmId::kSha1;
  EXPECT_THAT(JudgeUnder(key), IsRefusedBy("K4", Reason::kAttestationKeyRejected));
}

TEST(KeyChecks, K05_OnlyTheStoredKeyCountsEvenIfAnotherIsJustAsGood) {
  AttestedNode node(KeyTemplate::AkP256());
  AttestedNode second(KeyTemplate::AkP256());  // the same machine, with an AK never activated
  EXPECT_THAT(Judge(node, second.Evidence()), IsRefusedBy("S1", Reason::kSignatureInvalid));
}

TEST(KeyChecks, K06_RejectsAKeyWithAPolicy) {
  KeyTemplate key = KeyTemplate::AkP256();
  key.auth_policy = Bytes(32, 1);
  EXPECT_THAT(JudgeUnder(key), IsRefusedBy("K6", Reason::kAttestationKeyRejected));
}

TEST(KeyChecks, S01_RejectsASignatureOfAnotherAlgorithmThanTheKeys) {
  AttestedNode node(KeyTemplate::AkP256());
  evidence::Evidence evidence = node.Evidence();
  evidence.signature = fakes::MarshalRsaSignature(0x0014, 0x000B, Bytes(64, 7));
  EXPECT_THAT(Judge(node, evidence), IsRefusedBy("S1", Reason::kSignatureInvalid));

  // A TPM never takes another hash than the key's; somebody who has the key could.
  const auto raw =
      node.tpm.ak().SignRaw(evidence.attest, {AlgorithmId::kEcdsa, AlgorithmId::kSha384});
  evidence.signature = fakes::MarshalEcdsaSignature(0x0018, 0x000C, raw.r, raw.s);
  EXPECT_THAT(Judge(node, evidence), IsRefusedBy("S1", Reason::kSignatureInvalid));
}

TEST(KeyChecks, S02_RejectsAKeyWhoseSchemeIsSha1) {
  KeyTemplate key = KeyTemplate::AkP256();
  key.scheme = {AlgorithmId::kEcdsa, AlgorithmId::kSha1};
  EXPECT_THAT(JudgeUnder(key), IsRefusedBy("K2", Reason::kAttestationKeyRejected));
}

TEST(KeyChecks, S03_RejectsAnRsaSignatureOfAnotherLengthThanTheModulus) {
  AttestedNode node(KeyTemplate::AkRsa());
  evidence::Evidence evidence = node.Evidence();
  auto raw = node.tpm.ak().SignRaw(evidence.attest, {AlgorithmId::kRsassa, AlgorithmId::kSha256});
  raw.rsa.insert(raw.rsa.begin(), 0);
  evidence.signature = fakes::MarshalRsaSignature(0x0014, 0x000B, raw.rsa);
  EXPECT_THAT(Judge(node, evidence), IsRefusedBy("S1", Reason::kSignatureInvalid));
}

TEST(KeyChecks, S03_RejectsAnUnusualRsaExponent) {
  AttestedNode node(KeyTemplate::AkRsa());
  KeyTemplate spoiled = KeyTemplate::AkRsa();
  spoiled.exponent = 3;
  node.key = SigningKey::FromPublicArea(node.tpm.ak().With(spoiled).MarshalPublic());
  EXPECT_THAT(Judge(node), IsRefusedBy("S3", Reason::kAttestationKeyRejected));
}

TEST(KeyChecks, S04_RejectsAPssSaltOfAnotherLength) {
  AttestedNode node(KeyTemplate::AkRsa(AlgorithmId::kRsapss));
  evidence::Evidence evidence = node.Evidence();
  const tcg::Scheme pss{AlgorithmId::kRsapss, AlgorithmId::kSha256};
  for (const int salt : {0, 20}) {
    const auto raw = node.tpm.ak().SignRaw(evidence.attest, pss, salt);
    evidence.signature = fakes::MarshalRsaSignature(0x0016, 0x000B, raw.rsa);
    EXPECT_THAT(Judge(node, evidence), IsRefusedBy("S1", Reason::kSignatureInvalid)) << salt;
  }
  for (const int salt : {-1, -3}) {
    const auto raw = node.tpm.ak().SignRaw(evidence.attest, pss, salt);
    evidence.signature = fakes::MarshalRsaSignature(0x0016, 0x000B, raw.rsa);
    EXPECT_THAT(Judge(node, evidence), IsUnknown(Reason::kIdentityPending)) << "verifies " << salt;
  }
}

TEST(KeyChecks, S05_RejectsEcdsaNumbersOutOfRange) {
  AttestedNode node(KeyTemplate::AkP256());
  evidence::Evidence evidence = node.Evidence();
  const auto raw =
      node.tpm.ak().SignRaw(evidence.attest, {AlgorithmId::kEcdsa, AlgorithmId::kSha256});
  const Bytes zero(32);
  const Bytes ones(32, 0xFF);
  for (const auto& [r, s] : {std::pair(zero, raw.s), std::pair(raw.r, zero), std::pair(ones, raw.s),
                             std::pair(raw.r, ones)}) {
    evidence.signature = fakes::MarshalEcdsaSignature(0x0018, 0x000B, r, s);
    EXPECT_THAT(Judge(node, evidence), IsRefusedBy("S1", Reason::kSignatureInvalid));
  }
}

TEST(KeyChecks, S07_WhatCouldNotBeCheckedIsAnErrorAndNoVerdict) {
  const AttestedNode node(KeyTemplate::AkP256());
  const auto pem = SigningKey::FromPem(node.tpm.ak().Pem());
  ASSERT_TRUE(pem.has_value());
  Expectation expectation = node.Expectation();
  const Expectation without_name{*pem,         expectation.qualifying_data, expectation.selection,
                                 std::nullopt, expectation.identity,        std::nullopt};
  const auto appraisal = Appraise(node.Evidence(), without_name, node.Policies(), node.now);
  ASSERT_FALSE(appraisal.has_value());
  EXPECT_EQ(appraisal.error().code, ErrorCode::kUnsupported);
}

TEST(KeyChecks, S08_AFailedSignatureIsAVerdictForEveryPolicy) {
  AttestedNode node(KeyTemplate::AkP256());
  evidence::Evidence evidence = node.Evidence();
  evidence.signature.back() ^= 1;
  const auto audit = AttestedNode::Apply(node.PolicyJson("Audit"));
  const auto appraisal =
      Appraise(evidence, node.Expectation(), {node.Policies().front(), audit}, node.now);
  ASSERT_THAT(*appraisal, IsUntrusted(Reason::kSignatureInvalid));
  ASSERT_EQ(appraisal->policies.size(), 2U);
  for (const PolicyResult& result : appraisal->policies) {
    EXPECT_EQ(result.outcome, PolicyOutcome::kFail);
    EXPECT_EQ(result.reason, Reason::kSignatureInvalid);
  }
  EXPECT_EQ(appraisal->audit_passed, false);
  EXPECT_FALSE(appraisal->clock.has_value()) << "nothing of it is recorded";
}

TEST(KeyChecks, APemKeyIsAtBestUnproven) {
  AttestedNode node(KeyTemplate::AkP256());
  const auto pem = SigningKey::FromPem(node.tpm.ak().Pem());
  const Expectation expectation{*pem,         node.QualifyingData(), node.selection,
                                std::nullopt, node.identity,         std::nullopt};
  EXPECT_THAT(*Appraise(node.Evidence(), expectation, node.Policies(), node.now),
              IsUnknown(Reason::kAttestationKeyUnproven));
  EXPECT_THAT(*Appraise(node.Evidence(), expectation, {}, node.now),
              IsUnknown(Reason::kAttestationKeyUnproven));
  evidence::Evidence evidence = node.Evidence();
  evidence.signature.back() ^= 1;
  EXPECT_THAT(*Appraise(evidence, expectation, node.Policies(), node.now),
              IsUntrusted(Reason::kSignatureInvalid));
}

}  // namespace
}  // namespace plimsoll::appraisal
