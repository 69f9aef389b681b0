#include "base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace plimsoll {
namespace {

constexpr JsonLimits kLimits{.max_bytes = 1024, .max_depth = 4};

TEST(ParseJson, ReadsEveryKindOfValue) {
  const auto json = ParseJson(R"({"a":[1,-2,3.5,true,false,null],"b":{"c":"\u00e4\n"}})", kLimits);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["a"].dump(), "[1,-2,3.5,true,false,null]");
  EXPECT_EQ((*json)["b"]["c"].get<std::string>(), "\xc3\xa4\n");
  EXPECT_TRUE(ParseJson(" 1 ", kLimits));
}

TEST(ParseJson, RefusesDuplicateKeysAnywhere) {
  EXPECT_EQ(ParseJson(R"({"a":1,"a":1})", kLimits).error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(ParseJson(R"([{"x":{"a":1,"\u0061":2}}])", kLimits));
  EXPECT_TRUE(ParseJson(R"([{"a":1},{"a":1}])", kLimits));
}

TEST(ParseJson, RefusesWhatIsNotOneDocument) {
  for (const char* text : {"", " ", "{", "{}{}", "{} x", "[1,]", "{\"a\":}", "{'a':1}", "01", "+1",
                           "NaN", "\"\n\"", "// c\n1", "\xef\xbb\xbf"}) {
    EXPECT_EQ(ParseJson(text, kLimits).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(ParseJson, RefusesInvalidUtf8AndLoneSurrogates) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\\ud800\"", "\"\\udc00x\""}) {
    EXPECT_EQ(ParseJson(text, kLimits).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(ParseJson, RefusesNumbersThatNoDoubleHolds) { EXPECT_FALSE(ParseJson("1e999", kLimits)); }

TEST(ParseJson, CountsTheDepthOfObjectsAndArrays) {
  EXPECT_TRUE(ParseJson("[[[[1]]]]", kLimits));
  EXPECT_EQ(ParseJson("[[[[[1]]]]]", kLimits).error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(ParseJson(R"({"a":{"a":{"a":{"a":{}}}}})", kLimits));
}

TEST(ParseJson, DoesNotRecurseOnInput) {
  const std::string deep(2'000'000, '[');
  EXPECT_FALSE(ParseJson(deep, {.max_bytes = deep.size(), .max_depth = deep.size()}));
}

TEST(ParseJson, ChecksTheSizeFirst) {
  EXPECT_TRUE(ParseJson("1234", {.max_bytes = 4}));
  EXPECT_EQ(ParseJson("12345", {.max_bytes = 4}).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace plimsoll
