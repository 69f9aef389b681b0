#include "tcg/reader.h"

#include <gtest/gtest.h>

#include "tcg/writer.h"

namespace plimsoll::tcg {
namespace {

TEST(Reader, ReadsWhatAWriterWrote) {
  const Bytes bytes = Writer()
                          .U8(0x01)
                          .U16(0x0203)
                          .U32(0x04050607)
                          .U64(0x08090a0b0c0d0e0f)
                          .Sized(Bytes{0xaa, 0xbb})
                          .Algorithm(AlgorithmId::kSha384)
                          .Take();
  EXPECT_EQ(bytes[0], 0x01);
  EXPECT_EQ(bytes[14], 0x0f);
  Reader reader(bytes);
  EXPECT_EQ(reader.U8("a").value(), 0x01);
  EXPECT_EQ(reader.U16("a").value(), 0x0203);
  EXPECT_EQ(reader.U32("a").value(), 0x04050607U);
  EXPECT_EQ(reader.U64("a").value(), 0x08090a0b0c0d0e0fU);
  EXPECT_EQ(ToBytes(reader.Sized(2, "a").value()), (Bytes{0xaa, 0xbb}));
  EXPECT_EQ(reader.Hash("a").value(), AlgorithmId::kSha384);
  EXPECT_TRUE(reader.ExpectEnd("all"));
}

TEST(Reader, NeverReadsPastTheEnd) {
  const Bytes three(3);
  EXPECT_EQ(Reader(three).U32("a").error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(Reader(three).U64("a"));
  EXPECT_FALSE(Reader(three).Take(4, "a"));
  EXPECT_FALSE(Reader({}).U8("a"));
  EXPECT_FALSE(Reader(three).Take(SIZE_MAX, "a"));
}

TEST(Reader, HoldsSizedFieldsToTheirMaximumAndToWhatIsThere) {
  EXPECT_FALSE(Reader(Bytes{0, 3, 1, 2, 3}).Sized(2, "a"));
  EXPECT_TRUE(Reader(Bytes{0, 3, 1, 2, 3}).Sized(3, "a"));
  EXPECT_FALSE(Reader(Bytes{0, 4, 1, 2, 3}).Sized(64, "a"));
  EXPECT_FALSE(Reader(Bytes{0}).Sized(64, "a"));
}

TEST(Reader, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Reader(Bytes{1}).U16("keyBits").error().message, "keyBits: needs 2 bytes, 1 are left");
  EXPECT_EQ(Reader(Bytes{0x00, 0x12}).Algorithm("sigAlg").error().message,
            "sigAlg: unknown algorithm 0x0012");
  EXPECT_EQ(Reader(Bytes{0x00, 0x01}).Hash("hash").error().message, "hash: RSA is not a hash");
  EXPECT_EQ(Reader(Bytes{0x00, 0x10}).Curve("curveID").error().message,
            "curveID: unknown curve 0x0010");
}

TEST(Algorithm, RefusesEveryNumberThatIsNotOneOfOurs) {
  int known = 0;
  for (uint32_t number = 0; number <= 0xFFFF; ++number) {
    const auto algorithm = AlgorithmFromNumber(static_cast<uint16_t>(number));
    if (algorithm) {
      ++known;
      EXPECT_EQ(static_cast<uint32_t>(*algorithm), number);
      EXPECT_FALSE(ToString(*algorithm).empty());
    }
  }
  EXPECT_EQ(known, 23);
}

TEST(Algorithm, BanksHaveOneNameEach) {
  for (const char* name : {"sha1", "sha256", "sha384", "sha512"}) {
    EXPECT_EQ(BankName(BankFromName(name).value()), name);
  }
  for (const char* name : {"", "SHA256", "sha-256", "sha256 ", "sm3_256", "md5"}) {
    EXPECT_FALSE(BankFromName(name)) << name;
  }
  EXPECT_EQ(DigestSize(AlgorithmId::kSha512), 64U);
  EXPECT_EQ(DigestSize(AlgorithmId::kRsa), 0U);
  EXPECT_FALSE(IsStrongHash(AlgorithmId::kSha1));
  EXPECT_FALSE(IsStrongHash(AlgorithmId::kNull));
  EXPECT_TRUE(IsStrongHash(AlgorithmId::kSha256));
}

}  // namespace
}  // namespace plimsoll::tcg
