#include "tcg/name.h"

#include <gtest/gtest.h>

namespace plimsoll::tcg {
namespace {

TEST(Name, IsAnAlgorithmAndExactlyItsDigest) {
  const std::string hex = "000c" + std::string(96, 'a');
  const auto name = Name::FromHex(hex);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->algorithm(), AlgorithmId::kSha384);
  EXPECT_EQ(name->ToHex(), hex);
  EXPECT_EQ(Name::FromBytes(name->bytes()).value(), *name);
  EXPECT_LT(Name::FromHex("0004" + std::string(40, '0')).value(), *name);
}

TEST(Name, RefusesHandlesAndOtherLengths) {
  for (const std::string& hex :
       {std::string(), std::string("00"), std::string("000b"), std::string("40000001"),
        "000b" + std::string(62, 'a'), "000b" + std::string(66, 'a'), "000c" + std::string(64, 'a'),
        "0010" + std::string(64, 'a'), "000B" + std::string(64, 'a'), std::string(2000, 'a')}) {
    const auto name = Name::FromHex(hex);
    ASSERT_FALSE(name) << hex;
    EXPECT_EQ(name.error().code, ErrorCode::kMalformed) << hex;
  }
}

TEST(QualifiedName, IsAnyClaimOfBoundedSize) {
  EXPECT_TRUE(QualifiedName::FromBytes({}));
  EXPECT_TRUE(QualifiedName::FromBytes(Bytes(66)));
  EXPECT_EQ(QualifiedName::FromBytes(Bytes(67)).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(QualifiedName::FromBytes(Bytes{1, 2}).value().ToHex(), "0102");
}

}  // namespace
}  // namespace plimsoll::tcg
