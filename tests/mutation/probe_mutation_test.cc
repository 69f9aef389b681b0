#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "appraisal/appraisal.h"
#include "crypto/digest.h"
#include "crypto/names.h"
#include "fakes/test_data.h"
#include "mutation/mutator.h"
#include "tcg/attest.h"
#include "tcg/signature.h"

// What a TPM and its tools have recorded (tests/data/probes), changed.
namespace plimsoll::fakes {
namespace {

// One quote with all that vouches for it.
struct Recording {
  Bytes attest;
  Bytes signature;
  Bytes ak = ReadTestData("probes/ak.pub");
  Bytes ek = ReadTestData("probes/ek.pub");
  Bytes pcr0 = crypto::Digest(tcg::AlgorithmId::kSha256, {Bytes(32), Bytes(32, 0xAA)});

  friend bool operator==(const Recording&, const Recording&) = default;
};

// Whether the bytes are a quote of that AK of that EK, asked for by the first recording.
bool IsQuote(const Recording& recording) {
  const auto genuine = tcg::Attest::Parse(ReadTestData("probes/n0")).value();
  const auto ek = tcg::PublicArea::ParseSized(recording.ek);
  const auto key = appraisal::SigningKey::FromPublicArea(recording.ak);
  evidence::Evidence evidence;
  evidence.attest = recording.attest;
  evidence.signature = recording.signature;
  for (const tcg::PcrBank& bank : genuine.selection().banks()) {
    for (const uint32_t index : bank.Indices()) {
      evidence.pcrs.push_back({bank.hash, index, recording.pcr0});
    }
  }
  std::optional<tcg::QualifiedName> parent;
  if (ek) {
    parent = crypto::QualifiedNameOfEndorsementPrimary(crypto::ComputeName(*ek));
  }
  const appraisal::Expectation expectation{.key = key,
                                           .qualifying_data = ToBytes(genuine.extra_data()),
                                           .selection = genuine.selection(),
                                           .endorsement_key = parent,
                                           .identity = {},
                                           .recorded = std::nullopt};
  const auto appraisal = appraisal::Appraise(evidence, expectation, {}, MonotonicTime{});
  return appraisal && appraisal->facts.has_value();
}

// The signature as two numbers, since zeros in front of them mean nothing.
std::pair<Bytes, Bytes> Numbers(const Bytes& signature) {
  const auto parsed = tcg::Signature::Parse(signature);
  if (!parsed || parsed->ecdsa() == nullptr) {
    return {};
  }
  const auto number = [](const Bytes& bytes) {
    return Bytes(std::find_if(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; }),
                 bytes.end());
  };
  return {number(parsed->ecdsa()->r), number(parsed->ecdsa()->s)};
}

TEST(Mutations, E60_NoChangedRecordingOfATpmIsAQuote) {
  const Recording good{.attest = ReadTestData("probes/n0"),
                       .signature = ReadTestData("probes/n0.sig")};
  ASSERT_TRUE(IsQuote(good));
  const Bytes donor = ReadTestData("probes/m2");
  Mutator mutator(3);
  size_t quotes = 0;
  for (size_t i = 0; i < Mutants(0.06); ++i) {
    Recording mutant = good;
    Bytes* const parts[] = {&mutant.attest, &mutant.signature, &mutant.ak, &mutant.ek,
                            &mutant.pcr0};
    Bytes& part = *parts[i % std::size(parts)];
    part = mutator.Mutate(part, donor);
    if (IsQuote(mutant)) {
      ++quotes;
      ASSERT_EQ(Numbers(mutant.signature), Numbers(good.signature)) << i;
      mutant.signature = good.signature;
      ASSERT_EQ(mutant, good) << i;
    }
  }
  EXPECT_GT(quotes, 0U);  // now and then nothing that counts was changed
}

// Bad ones stay bad: certifications, quotes of nothing, forgeries, quotes of other keys.
TEST(Mutations, E60_NoChangedForgeryOfATpmIsAQuote) {
  std::vector<Recording> bad;
  for (const auto& [attest, signature] :
       {std::pair("m2", "s2"), std::pair("nv.att", "n0.sig"), std::pair("forged", "n0.sig"),
        std::pair("r1", "n0.sig"), std::pair("r2", "s2"), std::pair("n0", "s2"),
        std::pair("nv.att", "nv.sig"), std::pair("forged", "forged.sig")}) {
    bad.push_back({.attest = ReadTestData(std::string("probes/") + attest),
                   .signature = ReadTestData(std::string("probes/") + signature)});
    ASSERT_FALSE(IsQuote(bad.back())) << attest;
  }
  const Bytes good = ReadTestData("probes/n0");
  Mutator mutator(4);
  for (size_t i = 0; i < Mutants(0.02); ++i) {
    Recording mutant = bad[i % bad.size()];
    mutant.attest = mutator.Mutate(mutant.attest, good);
    if (mutator.Below(2) == 0) {
      mutant.signature = mutator.Mutate(mutant.signature, good);
    }
    ASSERT_FALSE(IsQuote(mutant)) << i;
  }
}

}  // namespace
}  // namespace plimsoll::fakes
