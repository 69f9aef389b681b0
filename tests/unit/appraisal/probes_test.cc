#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "crypto/digest.h"
#include "crypto/names.h"
#include "fakes/attested_node.h"
#include "tcg/attest.h"
#include "unit/appraisal/matchers.h"

// What a real TPM and its tools have recorded (tests/data/probes).
namespace plimsoll::appraisal {
namespace {

Bytes Read(const std::string& name) {
  std::ifstream file(std::string(PLIMSOLL_SOURCE_DIR "/tests/data/probes/") + name,
                     std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// PCR 0 of the recorded machine: one extension, by 32 bytes of 0xAA.
Bytes RecordedPcr0() {
  return crypto::Digest(tcg::AlgorithmId::kSha256, {Bytes(32), Bytes(32, 0xAA)});
}

// The two integers of a DER ECDSA signature on P-256 (RFC 3279, 2.2.3), as a TPMT_SIGNATURE.
Bytes WrapDer(const Bytes& der) {
  const auto number = [&der](size_t& at) {
    const size_t size = der.at(at + 1);
    Bytes value(der.begin() + static_cast<ptrdiff_t>(at + 2),
                der.begin() + static_cast<ptrdiff_t>(at + 2 + size));
    at += 2 + size;
    while (value.size() > 32 && value.front() == 0) {
      value.erase(value.begin());
    }
    return value;
  };
  size_t at = 2;
  const Bytes r = number(at);
  const Bytes s = number(at);
  EXPECT_EQ(at, der.size());
  return fakes::MarshalEcdsaSignature(0x0018, 0x000B, r, s);
}

class Probes : public testing::Test {
 protected:
  // The recorded attest, asked for exactly what it says.
  Appraisal Judge(const std::string& attest_file, const Bytes& signature, const SigningKey& key,
                  std::optional<tcg::PcrSelection> asked = std::nullopt) {
    evidence::Evidence evidence;
    evidence.attest = Read(attest_file);
    evidence.signature = signature;
    const auto attest = tcg::Attest::Parse(evidence.attest);
    EXPECT_TRUE(attest.has_value());
    const Expectation expectation{
        key,         ToBytes(attest->extra_data()), asked.value_or(attest->selection()), ek_, {},
        std::nullopt};
    for (const tcg::PcrBank& bank : attest->selection().banks()) {
      for (const uint32_t index : bank.Indices()) {
        evidence.pcrs.push_back({bank.hash, index, RecordedPcr0()});
      }
    }
    auto appraisal = Appraise(evidence, expectation, {}, MonotonicTime{});
    EXPECT_TRUE(appraisal.has_value());
    return appraisal ? *std::move(appraisal) : Appraisal{};
  }

  SigningKey ak_ = SigningKey::FromPublicArea(Read("ak.pub"));
  std::optional<tcg::QualifiedName> ek_ = [] {
    const auto ek = tcg::PublicArea::ParseSized(Read("ek.pub"));
    return crypto::QualifiedNameOfEndorsementPrimary(crypto::ComputeName(*ek));
  }();
};

TEST_F(Probes, TheGenuineQuoteIsValid) {
  ASSERT_FALSE(ak_.rejection().has_value());
  const Appraisal appraisal = Judge("n0", Read("n0.sig"), ak_);
  EXPECT_THAT(appraisal, IsUnknown(Reason::kNoEnforcingPolicy));
  ASSERT_TRUE(appraisal.facts.has_value());
  EXPECT_EQ(appraisal.facts->firmware->ToText(), "8217.4131.22.13878");
}

TEST_F(Probes, TheGenuineQuoteIsBoundToItsEndorsementKey) {
  ek_.reset();
  EXPECT_THAT(Judge("n0", Read("n0.sig"), ak_), IsRefusedBy("Q7", Reason::kNotAQuote));
}

TEST_F(Probes, AForgedQuoteIsNotSignedByTheActivatedKey) {
  EXPECT_THAT(Judge("forged", WrapDer(Read("forged.sig")), ak_),
              IsRefusedBy("S1", Reason::kSignatureInvalid));
}

TEST_F(Probes, AForgedQuoteUnderTheForgersOwnKeyIsUnproven) {
  const Bytes pem = Read("un.pem");
  const auto key = SigningKey::FromPem(AsText(pem));
  ASSERT_TRUE(key.has_value()) << key.error().message;
  EXPECT_THAT(Judge("forged", WrapDer(Read("forged.sig")), *key),
              IsUnknown(Reason::kAttestationKeyUnproven));
}

TEST_F(Probes, AnNvCertificationByTheRealKeyIsNotAQuote) {
  EXPECT_THAT(Judge("nv.att", WrapDer(Read("nv.sig")), ak_), IsRefusedBy("Q4", Reason::kNotAQuote));
}

TEST_F(Probes, AQuoteOverABankThatIsNotAllocatedIsRefused) {
  EXPECT_THAT(Judge("m2", Read("s2"), ak_, fakes::AttestedNode::Selection("sha384:0,1,2,3")),
              IsUntrusted(Reason::kSelectionMismatch));
  EXPECT_THAT(Judge("m2", Read("s2"), ak_), IsRefusedBy("Q13", Reason::kSelectionMismatch))
      << "even if that is what was asked";
}

TEST_F(Probes, TheRecordedCountersMakeNewEpochs) {
  const auto resumed = tcg::Attest::Parse(Read("r1"));
  const auto reset = tcg::Attest::Parse(Read("r2"));
  ASSERT_TRUE(resumed.has_value() && reset.has_value());
  EXPECT_EQ(resumed->clock().reset_count, 2U);
  EXPECT_EQ(resumed->clock().restart_count, 1U);
  EXPECT_EQ(reset->clock().reset_count, 3U);
  EXPECT_EQ(reset->clock().restart_count, 0U);

  const auto record = NextRecord(std::nullopt, resumed->clock(), "a", MonotonicTime{});
  EXPECT_EQ(JudgeClock(record, reset->clock(), "b", MonotonicTime{}).outcome,
            ClockOutcome::kNewEpoch);
  EXPECT_TRUE(JudgeClock(record, reset->clock(), "a", MonotonicTime{}).unexplained_reset);
  const auto later = NextRecord(record, reset->clock(), "b", MonotonicTime{});
  EXPECT_EQ(JudgeClock(later, resumed->clock(), "c", MonotonicTime{}).outcome,
            ClockOutcome::kCountersReset);
}

}  // namespace
}  // namespace plimsoll::appraisal
