#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

// Attacks, as far as the appraisal alone meets them; the whole programs meet them again in the
// cluster tests.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::AttestFields;
using fakes::KeyTemplate;
using tcg::AlgorithmId;

// n - s on P-256 (FIPS 186-5): the twin of an ECDSA signature.
Bytes Twin(const Bytes& s) {
  const Bytes order = *FromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  Bytes twin(32);
  int borrow = 0;
  for (size_t i = 32; i-- > 0;) {
    const int difference = order[i] - s[i] - borrow;
    borrow = difference < 0 ? 1 : 0;
    twin[i] = static_cast<uint8_t>(difference + 256 * borrow);
  }
  return twin;
}

TEST(Scenarios, E01_OneFlippedBitOfTheSignatureTurnsTrustedIntoUntrusted) {
  const AttestedNode node(KeyTemplate::AkP256());
  evidence::Evidence evidence = node.Evidence();
  ASSERT_THAT(Judge(node, evidence), IsTrusted());
  evidence.signature[20] ^= 0x10;
  EXPECT_THAT(Judge(node, evidence), IsUntrusted(Reason::kSignatureInvalid));
}

TEST(Scenarios, E02_YesterdaysEvidenceIsRefusedAndSoIsItsTwin) {
  AttestedNode node(KeyTemplate::AkP256());
  evidence::Evidence yesterday = node.Evidence();
  const auto raw =
      node.tpm.ak().SignRaw(yesterday.attest, {AlgorithmId::kEcdsa, AlgorithmId::kSha256});
  evidence::Evidence twin = yesterday;
  twin.signature = fakes::MarshalEcdsaSignature(0x0018, 0x000B, raw.r, Twin(raw.s));
  ASSERT_THAT(Judge(node, twin), IsTrusted()) << "the twin verifies: signatures are no identity";

  node.nonce.fill(0x17);
  EXPECT_THAT(Judge(node, yesterday), IsUntrusted(Reason::kNonceMismatch));
  EXPECT_THAT(Judge(node, twin), IsUntrusted(Reason::kNonceMismatch));
}

TEST(Scenarios, E03_AGoodValueBesideTheQuotedOnesIsNeverRead) {
  const AttestedNode node(KeyTemplate::AkP256());
  AttestedNode liar = node;
  liar.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6");
  evidence::Evidence evidence = liar.Evidence();
  evidence.pcrs.push_back({AlgorithmId::kSha256, 7, node.tpm.Pcr(AlgorithmId::kSha256, 7)});
  const Appraisal appraisal = Judge(node, evidence);
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kSelectionMismatch));
  EXPECT_FALSE(appraisal.facts.has_value());
}

TEST(Scenarios, E06_OtherAttestationsByTheRealKeyWithTheRightNonceAreNotQuotes) {
  const AttestedNode node(KeyTemplate::AkP256());
  for (const uint16_t type :
       std::initializer_list<uint16_t>{0x8014, 0x801C, 0x8017, 0x8019, 0x801A}) {
    AttestFields fields = node.Fields();
    fields.type = type;
    EXPECT_THAT(Judge(node, node.Evidence(fields)), IsUntrusted(Reason::kNotAQuote)) << type;
  }
}

TEST(Scenarios, E07_AQuoteOverABankThatIsNotAllocatedIsRefused) {
  AttestedNode node(KeyTemplate::AkP256());
  node.selection = AttestedNode::Selection("sha384:0,1,2,3");
  AttestFields fields = node.Fields();
  fields.selection[0].bits = Bytes(3);
  fields.pcr_digest = crypto::Digest(AlgorithmId::kSha256, {});
  evidence::Evidence evidence = node.Evidence(fields);
  evidence.pcrs.clear();
  EXPECT_THAT(Judge(node, evidence), IsUntrusted(Reason::kSelectionMismatch));
}

TEST(Scenarios, E08_SelectionsOfNothingAreRefused) {
  const AttestedNode node(KeyTemplate::AkP256());
  AttestFields none = node.Fields();
  none.selection.clear();
  none.pcr_digest = crypto::Digest(AlgorithmId::kSha256, {});
  AttestFields zeros = none;
  zeros.selection = {{0x000B, Bytes(3)}};
  for (const AttestFields& fields : {none, zeros}) {
    evidence::Evidence evidence = node.Evidence(fields);
    evidence.pcrs.clear();
    EXPECT_THAT(Judge(node, evidence), IsUntrusted(Reason::kSelectionMismatch));
  }
}

TEST(Scenarios, E08_APolicyWithoutPcrsNeverTrusts) {
  const AttestedNode node(KeyTemplate::AkP256());
  const auto empty = AttestedNode::Apply(
      R"({"metadata":{"name":"empty"},"spec":{"mode":"Enforce","nodeSelector":{},"pcrs":[]}})");
  EXPECT_FALSE(empty.policy->ready());
  EXPECT_THAT(*Appraise(node.Evidence(), node.Expectation(), {empty}, node.now),
              IsUnknown(Reason::kPolicyNotReady));
}

TEST(Scenarios, E12_RightValuesOfAWeakerBankAreWrongBank) {
  AttestedNode node(KeyTemplate::AkP256());
  node.selection = AttestedNode::Selection("sha1:0,1,2,3,4,5,6,7");  // all that it offered
  EXPECT_THAT(Judge(node), IsUnknown(Reason::kWrongBank));
}

TEST(Scenarios, E12_TheWeakerBankInsteadOfTheOneAskedIsRefused) {
  const AttestedNode node(KeyTemplate::AkP256());
  AttestedNode liar = node;
  liar.selection = AttestedNode::Selection("sha1:0,1,2,3,4,5,6,7");
  EXPECT_THAT(Judge(node, liar.Evidence()), IsUntrusted(Reason::kSelectionMismatch));
}

TEST(Scenarios, E15_KeysThatCouldSignForgeriesAreRefusedEachWithItsOwnReason) {
  const fakes::SoftwareKey good(KeyTemplate::AkP256());
  std::vector<std::string> messages;
  for (const uint32_t flipped : {1U << 16, 1U << 1, 1U << 4, 1U << 5, 1U << 17}) {
    KeyTemplate spoiled = KeyTemplate::AkP256();
    spoiled.attributes ^= flipped;
    const auto key = SigningKey::FromPublicArea(good.With(spoiled).MarshalPublic());
    ASSERT_TRUE(key.rejection().has_value());
    messages.push_back(key.rejection()->message);
  }
  KeyTemplate no_scheme = KeyTemplate::AkP256();
  no_scheme.scheme = {AlgorithmId::kNull, AlgorithmId::kNull};
  const auto key = SigningKey::FromPublicArea(good.With(no_scheme).MarshalPublic());
  ASSERT_TRUE(key.rejection().has_value());
  messages.push_back(key.rejection()->message);
  std::sort(messages.begin(), messages.end());
  EXPECT_EQ(std::adjacent_find(messages.begin(), messages.end()), messages.end());
}

TEST(Scenarios, E16_ANameThatLiesIsRefused) {
  const fakes::SoftwareKey good(KeyTemplate::AkP256());
  const auto key = SigningKey::FromPublicArea(good.MarshalPublic(),
                                              fakes::SoftwareKey(KeyTemplate::AkP256()).Name());
  ASSERT_TRUE(key.rejection().has_value());
  EXPECT_EQ(key.rejection()->check, "K3");
}

TEST(Scenarios, E17_QuotesByAKeyThatWasNotActivatedAreRefused) {
  const AttestedNode node(KeyTemplate::AkP256());
  AttestedNode second(KeyTemplate::AkP256());
  // It even claims the name of the activated key.
  AttestFields fields = second.Fields();
  fields.signer = node.Fields().signer;
  fields.extra_data = node.QualifyingData();
  EXPECT_THAT(Judge(node, second.Evidence(fields)), IsUntrusted(Reason::kSignatureInvalid));
}

}  // namespace
}  // namespace plimsoll::appraisal
