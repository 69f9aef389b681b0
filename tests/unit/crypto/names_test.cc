#include "crypto/names.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "fakes/test_data.h"
#include "tcg/attest.h"

namespace plimsoll::crypto {
namespace {

using fakes::ReadTestData;

TEST(Digest, KnowsTheUsualVectors) {
  EXPECT_EQ(Sha256Hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Digest(tcg::AlgorithmId::kSha1, {AsBytes("a"), AsBytes("bc")})),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Digest(tcg::AlgorithmId::kSha384, {AsBytes("abc")}).size(), 48U);
  EXPECT_EQ(Digest(tcg::AlgorithmId::kSha512, {}).size(), 64U);
}

TEST(Digest, CanBeTakenInPiecesAndAgain) {
  Hasher hasher(tcg::AlgorithmId::kSha256);
  for (int round = 0; round < 2; ++round) {
    const Bytes digest = hasher.Update(AsBytes("ab")).Update({}).Update(AsBytes("c")).Finish();
    EXPECT_EQ(ToHex(digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }
}

TEST(DigestDeathTest, EndsTheProcessForWhatIsNoHash) {
  EXPECT_DEATH(Digest(tcg::AlgorithmId::kNull, {}), "");
}

TEST(SystemRandom, FillsEverythingAndNeverTheSame) {
  SystemRandom random;
  Bytes a(3U << 20U);
  Bytes b(64);
  Bytes c(64);
  random.Fill(a);
  random.Fill(b);
  random.Fill(c);
  EXPECT_NE(b, c);
  EXPECT_NE(ByteSpan(a).last(32)[0] | ByteSpan(a).last(32)[7] | ByteSpan(a).last(32)[31], 0);
  random.Fill({});
}

TEST(Names, K3_AreComputedFromThePublicArea) {
  const auto ak = tcg::PublicArea::Parse(ReadTestData("probes/ak.pub")).value();
  EXPECT_EQ(ComputeName(ak).ToHex(), "000b" + Sha256Hex(ReadTestData("probes/ak.pub")));
}

TEST(Names, Q7_TheSignerOfARecordedQuoteIsAChildOfTheEndorsementKey) {
  const auto ak = tcg::PublicArea::Parse(ReadTestData("probes/ak.pub")).value();
  const auto ek = tcg::PublicArea::ParseSized(ReadTestData("probes/ek.pub")).value();
  const auto quote = tcg::Attest::Parse(ReadTestData("probes/n0")).value();
  const tcg::QualifiedName ek_name = QualifiedNameOfEndorsementPrimary(ComputeName(ek));
  EXPECT_EQ(QualifiedNameOfChild(ek_name, ComputeName(ak)), quote.signer());
  EXPECT_FALSE(QualifiedNameOfEndorsementPrimary(ComputeName(ak)) == quote.signer());
}

}  // namespace
}  // namespace plimsoll::crypto
