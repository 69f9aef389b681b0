#include "base/encoding.h"

#include <gtest/gtest.h>

namespace plimsoll {
namespace {

TEST(Hex, HasOneSpelling) {
  const Bytes bytes = {0x00, 0x9f, 0xff};
  EXPECT_EQ(ToHex(bytes), "009fff");
  EXPECT_EQ(FromHex("009fff").value(), bytes);
  EXPECT_TRUE(FromHex("").value().empty());
  for (const char* text : {"009FFF", "0", "0g", " 0", "0x"}) {
    EXPECT_EQ(FromHex(text).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(Base64, KnowsTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(ToBase64(AsBytes(plain)), encoded);
    EXPECT_EQ(AsText(FromBase64(encoded, 6).value()), plain);
  }
}

TEST(Base64, RefusesEverySpellingButTheCanonicalOne) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8=\n", " Zm8=", "Zm8-",
                           "=m8=", "Z===", "====", "Zg==Zg==", "Zm9v="}) {
    EXPECT_EQ(FromBase64(text, 64).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(Base64, ChecksTheSizeFirst) {
  EXPECT_TRUE(FromBase64("Zm9v", 3));
  EXPECT_EQ(FromBase64("Zm9v", 2).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(FromBase64("Zm8=", 2));
}

TEST(Base64Url, HasNoPaddingAndItsOwnAlphabet) {
  EXPECT_EQ(FromBase64Url("-_8", 2).value(), (Bytes{0xfb, 0xff}));
  for (const char* text : {"+/8", "-_8=", "-_9", "-"}) {
    EXPECT_EQ(FromBase64Url(text, 16).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(EqualConstantTime, ComparesAllBytesAndTheLength) {
  const Bytes a = {1, 2, 3};
  EXPECT_TRUE(EqualConstantTime(a, Bytes{1, 2, 3}));
  EXPECT_FALSE(EqualConstantTime(a, Bytes{1, 2, 4}));
  EXPECT_FALSE(EqualConstantTime(a, Bytes{0, 2, 3}));
  EXPECT_FALSE(EqualConstantTime(a, Bytes{1, 2}));
  EXPECT_FALSE(EqualConstantTime(a, Bytes{1, 2, 3, 0}));
  EXPECT_TRUE(EqualConstantTime({}, {}));
}

}  // namespace
}  // namespace plimsoll
