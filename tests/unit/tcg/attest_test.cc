#include "tcg/attest.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "fakes/software_tpm.h"
#include "fakes/test_data.h"

namespace plimsoll::tcg {
namespace {

using fakes::AttestFields;
using fakes::ReadTestData;

constexpr char kSigner[] = "000ba12b5b065a7a536175659ee894f8e34471513103e4f5e42f075b69b93d11d562";

AttestFields Fields() {
  AttestFields fields;
  fields.signer = FromHex(kSigner).value();
  fields.extra_data = Bytes(32, 0x5a);
  fields.selection = {{0x000b, {0xff, 0x00, 0x00}}};
  fields.pcr_digest = Bytes(48, 0x11);
  return fields;
}

TEST(Attest, ReadsAGenuineQuote) {
  const Bytes bytes = ReadTestData("probes/n0");
  const auto attest = Attest::Parse(bytes);
  ASSERT_TRUE(attest) << attest.error().message;
  EXPECT_EQ(attest->magic(), kTpmGeneratedValue);
  EXPECT_EQ(attest->type(), kAttestQuote);
  EXPECT_EQ(attest->signer().ToHex(), kSigner);
  EXPECT_EQ(ToHex(attest->extra_data()), "aabb01");
  EXPECT_EQ(attest->clock(),
            (ClockInfo{.clock = 0x9541, .reset_count = 2, .restart_count = 0, .safe = true}));
  EXPECT_EQ(attest->firmware_version(), 0x2019102300163636U);
  EXPECT_EQ(attest->selection().ToText(), "sha256:0");
  EXPECT_EQ(ToHex(attest->pcr_digest()),
            "685a82c51093d504984a52d1f73c0b34d30b25b0962ebd5a469a2863c58c74b4");
  EXPECT_EQ(ToBytes(attest->bytes()), bytes);
}

TEST(Attest, ReadsTheCountersOfResumeAndReset) {
  const auto resumed = Attest::Parse(ReadTestData("probes/r1"));
  const auto reset = Attest::Parse(ReadTestData("probes/r2"));
  ASSERT_TRUE(resumed && reset);
  EXPECT_EQ(resumed->clock().reset_count, 2U);
  EXPECT_EQ(resumed->clock().restart_count, 1U);
  EXPECT_EQ(reset->clock().reset_count, 3U);
  EXPECT_EQ(reset->clock().restart_count, 0U);
}

TEST(Attest, Q13_ReadsAQuoteOverABankThatIsNotAllocated) {
  const auto attest = Attest::Parse(ReadTestData("probes/m2"));
  ASSERT_TRUE(attest);
  EXPECT_EQ(attest->selection().ToText(), "sha384:");
  EXPECT_TRUE(attest->selection().HasEmptyBank());
}

TEST(Attest, Q1_RefusesEveryTruncationAndEveryTail) {
  for (const char* name : {"probes/n0", "probes/m2", "probes/r1", "probes/forged"}) {
    Bytes bytes = ReadTestData(name);
    ASSERT_TRUE(Attest::Parse(bytes)) << name;
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto attest = Attest::Parse(ByteSpan(bytes).first(size));
      ASSERT_FALSE(attest) << name << " cut to " << size;
      EXPECT_EQ(attest.error().code, ErrorCode::kMalformed);
    }
    for (int tail = 1; tail <= 8; ++tail) {
      bytes.push_back(0);
      ASSERT_FALSE(Attest::Parse(bytes)) << name << " with a tail of " << tail;
    }
  }
}

TEST(Attest, Q1_RefusesFieldsThatAreTooLong) {
  AttestFields fields = Fields();
  ASSERT_TRUE(Attest::Parse(fields.Marshal()));
  fields.signer = Bytes(66);
  EXPECT_TRUE(Attest::Parse(fields.Marshal()));
  fields.signer = Bytes(67);
  EXPECT_FALSE(Attest::Parse(fields.Marshal()));
  fields = Fields();
  fields.extra_data = Bytes(67);
  EXPECT_FALSE(Attest::Parse(fields.Marshal()));
  fields = Fields();
  fields.pcr_digest = Bytes(65);
  EXPECT_FALSE(Attest::Parse(fields.Marshal()));
}

TEST(Attest, Q1_RefusesASafeFlagThatIsNeitherYesNorNo) {
  AttestFields fields = Fields();
  for (const int safe : {0, 1, 2, 0x80, 0xff}) {
    fields.safe = static_cast<uint8_t>(safe);
    const auto attest = Attest::Parse(fields.Marshal());
    ASSERT_EQ(attest.has_value(), safe <= 1) << safe;
    if (attest) {
      EXPECT_EQ(attest->clock().safe, safe == 1);
    }
  }
}

TEST(Attest, Q2_KeepsANonCanonicalFormAsItWasReceived) {
  AttestFields fields = Fields();
  fields.selection = {{0x000b, {0xff, 0x00, 0x00, 0x00}}};
  const Bytes bytes = fields.Marshal();
  const auto attest = Attest::Parse(bytes);
  ASSERT_TRUE(attest);
  EXPECT_EQ(ToBytes(attest->bytes()), bytes);
  EXPECT_EQ(attest->selection().ToText(), "sha256:0,1,2,3,4,5,6,7");
}

TEST(Attest, Q3_DecodesAWrongMagicSoThatItCanBeCalledWrong) {
  AttestFields fields = Fields();
  fields.magic = 0xFF544348;
  EXPECT_EQ(Attest::Parse(fields.Marshal()).value().magic(), 0xFF544348U);
}

TEST(Attest, Q4_DecodesOtherTypesAsFarAsTheyAreAlike) {
  const Bytes bytes = ReadTestData("probes/nv.att");
  const auto attest = Attest::Parse(bytes);
  ASSERT_TRUE(attest);
  EXPECT_EQ(attest->type(), 0x801C);
  EXPECT_EQ(attest->signer().ToHex(), kSigner);
  EXPECT_TRUE(attest->selection().banks().empty());
  EXPECT_TRUE(attest->pcr_digest().empty());
  // The common part ends behind firmwareVersion.
  for (size_t size = 0; size < 4 + 2 + 36 + 4 + 17 + 8; ++size) {
    EXPECT_FALSE(Attest::Parse(ByteSpan(bytes).first(size))) << size;
  }
}

}  // namespace
}  // namespace plimsoll::tcg
