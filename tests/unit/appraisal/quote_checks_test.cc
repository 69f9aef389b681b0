#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "crypto/names.h"
#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

// Steps 1 to 7, one test at least for each check: good evidence in which one thing is wrong.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::AttestFields;
using fakes::KeyTemplate;
using tcg::AlgorithmId;

TEST(QuoteChecks, GoodEvidenceIsTrustedUnderEveryKeyThatMayVerify) {
  for (const KeyTemplate& ak :
       {KeyTemplate::AkP384(), KeyTemplate::AkP256(), KeyTemplate::AkRsa()}) {
    EXPECT_THAT(Judge(AttestedNode(ak)), IsTrusted());
  }
  // Keys outside the profiles verify too; no policy counts them.
  for (const KeyTemplate& ak : {KeyTemplate::AkP521(), KeyTemplate::AkRsa(AlgorithmId::kRsapss)}) {
    EXPECT_THAT(Judge(AttestedNode(ak)), IsUnknown(Reason::kIdentityPending));
  }
}

TEST(QuoteChecks, Q01_RejectsEveryTruncationAndEveryTailOfAQuote) {
  const AttestedNode node(KeyTemplate::AkP256());
  const evidence::Evidence good = node.Evidence();
  for (size_t size = 0; size < good.attest.size(); ++size) {
    evidence::Evidence cut = good;
    cut.attest.resize(size);
    ASSERT_THAT(Judge(node, cut), IsRefusedBy("Q1", Reason::kEvidenceMalformed)) << size;
  }
  for (size_t tail = 1; tail <= 8; ++tail) {
    evidence::Evidence longer = good;
    longer.attest.resize(good.attest.size() + tail);
    ASSERT_THAT(Judge(node, longer), IsRefusedBy("Q1", Reason::kEvidenceMalformed)) << tail;
  }
}

TEST(QuoteChecks, Q01_RejectsEveryTruncationAndEveryTailOfASignature) {
  const AttestedNode node(KeyTemplate::AkP256());
  const evidence::Evidence good = node.Evidence();
  for (size_t size = 0; size < good.signature.size() + 8; ++size) {
    evidence::Evidence changed = good;
    changed.signature.resize(size);
    const auto verdict = Judge(node, changed);
    if (size == good.signature.size()) {
      ASSERT_THAT(verdict, IsTrusted());
    } else {
      ASSERT_THAT(verdict, IsRefusedBy("Q1", Reason::kEvidenceMalformed)) << size;
    }
  }
}

TEST(QuoteChecks, Q01_RejectsAStatementThatIsNotOne) {
  AttestedNode node;
  evidence::Evidence evidence = node.Evidence();
  evidence.statement = ToBytes(AsBytes(R"({"bootID":"x"})"));
  EXPECT_THAT(Judge(node, evidence), IsRefusedBy("Q1", Reason::kEvidenceMalformed));
}

TEST(QuoteChecks, Q02_JudgesTheBytesAsReceivedAndNotAReencoding) {
  // sizeofSelect 4 says the same in another way. Signed so, it stands; changed afterwards, it
  // falls.
  const AttestedNode node;
  AttestFields fields = node.Fields();
  fields.selection[0].bits.push_back(0);
  EXPECT_THAT(Judge(node, node.Evidence(fields)), IsTrusted());

  evidence::Evidence reencoded = node.Evidence();
  reencoded.attest = fields.Marshal();
  EXPECT_THAT(Judge(node, reencoded), IsRefusedBy("S1", Reason::kSignatureInvalid));
}

TEST(QuoteChecks, Q03_RejectsAQuoteWhoseMagicIsNotTpmGenerated) {
  const AttestedNode node;
  AttestFields fields = node.Fields();
  fields.magic = 0xFF544348;
  EXPECT_THAT(Judge(node, node.Evidence(fields)), IsRefusedBy("Q3", Reason::kNotAQuote));
}

TEST(QuoteChecks, Q04_RejectsEveryOtherTypeOfAttestation) {
  const AttestedNode node;
  for (const uint16_t type : std::initializer_list<uint16_t>{0x8014, 0x8015, 0x8016, 0x8017, 0x8019,
                                                             0x801A, 0x801C, 0x0000}) {
    AttestFields fields = node.Fields();
    fields.type = type;
    EXPECT_THAT(Judge(node, node.Evidence(fields)), IsRefusedBy("Q4", Reason::kNotAQuote)) << type;
  }
}

TEST(QuoteChecks, Q05_RejectsQualifyingDataThatIsNotExactlyTheExpected) {
  const AttestedNode node;
  const Bytes expected = node.QualifyingData();
  Bytes prefix(expected.begin(), expected.end() - 1);
  Bytes longer = expected;
  longer.push_back(0);
  Bytes other = expected;
  other.back() = static_cast<uint8_t>(other.back() ^ 1U);
  for (const Bytes& data : {prefix, longer, other, Bytes()}) {
    AttestFields fields = node.Fields();
    fields.extra_data = data;
    EXPECT_THAT(Judge(node, node.Evidence(fields)), IsRefusedBy("Q5", Reason::kNonceMismatch));
  }
}

TEST(QuoteChecks, Q05_RejectsAnEmptyExpectation) {
  const AttestedNode node;
  Expectation expectation = node.Expectation();
  expectation.qualifying_data = Bytes();
  AttestFields fields = node.Fields();
  fields.extra_data.clear();
  const auto verdict = Appraise(node.Evidence(fields), expectation, node.Policies(), node.now);
  EXPECT_THAT(*verdict, IsRefusedBy("Q5", Reason::kNonceMismatch));
}

TEST(QuoteChecks, Q06_QualifyingDataBindsNonceNodeKeyAndStatement) {
  const AttestedNode node;
  const evidence::Evidence good = node.Evidence();
  AttestedNode other_nonce = node;
  other_nonce.nonce[31] = 0;
  EXPECT_THAT(Judge(other_nonce, good), IsRefusedBy("Q5", Reason::kNonceMismatch));

  AttestedNode other_node = node;
  other_node.node_uid = "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b12";
  EXPECT_THAT(Judge(other_node, good), IsRefusedBy("Q5", Reason::kNonceMismatch));

  AttestedNode other_host = node;
  other_host.statement.boot_id = "3f1d9a52-6c1b-4a7e-8f0d-2b9e5c4d7a11";
  evidence::Evidence restated = good;
  restated.statement = other_host.StatementBytes();
  EXPECT_THAT(Judge(node, restated), IsRefusedBy("Q5", Reason::kNonceMismatch));

  AttestFields fields = node.Fields();
  fields.extra_data =
      evidence::QualifyingData(AlgorithmId::kSha384, node.nonce, node.node_uid,
                               fakes::SoftwareKey(KeyTemplate()).Name(), node.StatementBytes());
  EXPECT_THAT(Judge(node, node.Evidence(fields)), IsRefusedBy("Q5", Reason::kNonceMismatch));
}

TEST(QuoteChecks, Q07_RejectsAKeyOfAnotherHierarchyOrParent) {
  const AttestedNode node;
  const tcg::Name name = node.tpm.ak().Name();
  const fakes::SoftwareKey ek(KeyTemplate::EkP256());
  const auto ek_name = crypto::QualifiedNameOfEndorsementPrimary(ek.Name());

  AttestFields owner = node.Fields();  // the same key, made in the owner hierarchy
  const Bytes owner_digest =
      crypto::Digest(AlgorithmId::kSha384, {std::array<uint8_t, 4>{0x40, 0, 0, 1}, name.bytes()});
  owner.signer = {0x00, 0x0C};
  Append(owner.signer, owner_digest);
  EXPECT_THAT(Judge(node, node.Evidence(owner)), IsRefusedBy("Q7", Reason::kNotAQuote));

  AttestFields child = node.Fields();
  child.signer = ToBytes(crypto::QualifiedNameOfChild(ek_name, name).bytes());
  EXPECT_THAT(Judge(node, node.Evidence(child)), IsRefusedBy("Q7", Reason::kNotAQuote))
      << "no endorsement key is enrolled";

  Expectation expectation = node.Expectation();
  expectation.endorsement_key = ek_name;
  EXPECT_THAT(*Appraise(node.Evidence(child), expectation, node.Policies(), node.now), IsTrusted());
  EXPECT_THAT(*Appraise(node.Evidence(), expectation, node.Policies(), node.now), IsTrusted())
      << "a primary key stays welcome";

  AttestFields bare_name = node.Fields();
  bare_name.signer = ToBytes(name.bytes());
  EXPECT_THAT(Judge(node, node.Evidence(bare_name)), IsRefusedBy("Q7", Reason::kNotAQuote));
}

TEST(QuoteChecks, Q12_RejectsASelectionThatIsNotTheOneAsked) {
  const AttestedNode node;
  for (const char* text :
       {"sha256:0,1,2,3,4,5,6", "sha384:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,23",
        "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,23",
        "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,23+sha384:0"}) {
    AttestedNode liar = node;
    liar.selection = AttestedNode::Selection(text);
    EXPECT_THAT(Judge(node, liar.Evidence()), IsRefusedBy("Q12", Reason::kSelectionMismatch))
        << text;
  }
}

TEST(QuoteChecks, Q12_TheOrderOfBanksDoesNotMatterButGivesTheDigest) {
  AttestedNode node;
  node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7+sha384:0,7");
  AttestedNode reversed = node;
  reversed.selection = AttestedNode::Selection("sha384:0,7+sha256:0,1,2,3,4,5,6,7");
  EXPECT_THAT(Judge(node, reversed.Evidence()), IsTrusted());
}

TEST(QuoteChecks, Q13_RejectsAnEmptyBankEvenWhereItWasAskedFor) {
  AttestedNode node;
  node.selection = AttestedNode::Selection("sha384:");  // not allocated: signed, over nothing
  EXPECT_THAT(Judge(node), IsRefusedBy("Q13", Reason::kSelectionMismatch));
  node.selection = tcg::PcrSelection();
  EXPECT_THAT(Judge(node), IsRefusedBy("Q13", Reason::kSelectionMismatch));
}

TEST(QuoteChecks, Q14_RejectsEveryChangedPcrValue) {
  const AttestedNode node(KeyTemplate::AkP256());
  for (size_t i = 0; i < node.Evidence().pcrs.size(); ++i) {
    evidence::Evidence evidence = node.Evidence();
    evidence.pcrs[i].digest[i % 32] ^= 1;
    ASSERT_THAT(Judge(node, evidence), IsRefusedBy("Q14", Reason::kPcrDigestMismatch)) << i;
  }
}

TEST(QuoteChecks, Q15_RejectsValuesThatWereNotQuotedOrCameTwiceOrAreMissing) {
  const AttestedNode node;
  evidence::Evidence extra = node.Evidence();
  extra.pcrs.push_back({AlgorithmId::kSha256, 16, Bytes(32)});
  EXPECT_THAT(Judge(node, extra), IsRefusedBy("Q15", Reason::kPcrDigestMismatch));

  evidence::Evidence other_bank = node.Evidence();
  other_bank.pcrs.push_back({AlgorithmId::kSha384, 0, Bytes(48)});
  EXPECT_THAT(Judge(node, other_bank), IsRefusedBy("Q15", Reason::kPcrDigestMismatch));

  evidence::Evidence twice = node.Evidence();
  twice.pcrs.push_back(twice.pcrs.front());
  EXPECT_THAT(Judge(node, twice), IsRefusedBy("Q15", Reason::kPcrDigestMismatch));

  evidence::Evidence missing = node.Evidence();
  missing.pcrs.pop_back();
  EXPECT_THAT(Judge(node, missing), IsRefusedBy("Q15", Reason::kPcrDigestMismatch));
}

TEST(QuoteChecks, Q15_TheOrderOfValuesInTheMessageDoesNotMatter) {
  const AttestedNode node;
  evidence::Evidence evidence = node.Evidence();
  std::reverse(evidence.pcrs.begin(), evidence.pcrs.end());
  EXPECT_THAT(Judge(node, evidence), IsTrusted());
}

TEST(QuoteChecks, Q16_RejectsAByteMovedBetweenNeighbouringValues) {
  // The concatenation stays the same, and so does its digest.
  const AttestedNode node;
  evidence::Evidence evidence = node.Evidence();
  const uint8_t moved = evidence.pcrs[0].digest.back();
  evidence.pcrs[0].digest.pop_back();
  evidence.pcrs[1].digest.insert(evidence.pcrs[1].digest.begin(), moved);
  EXPECT_THAT(Judge(node, evidence), IsRefusedBy("Q16", Reason::kEvidenceMalformed));
}

TEST(QuoteChecks, F03_RejectsEvidenceThatDidNotDecode) {
  const AttestedNode node;
  const Appraisal appraisal =
      RejectMalformed(Error{ErrorCode::kMalformed, "pcrs.bank: unknown"}, node.Policies());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEvidenceMalformed));
  ASSERT_EQ(appraisal.policies.size(), 1U);
  EXPECT_EQ(appraisal.policies[0].outcome, PolicyOutcome::kFail);
}

}  // namespace
}  // namespace plimsoll::appraisal
