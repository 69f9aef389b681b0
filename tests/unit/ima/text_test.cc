#include "ima/text.h"

#include <gtest/gtest.h>

namespace plimsoll::ima {
namespace {

TEST(EscapedText, I09_ShowsNothingThatMisleads) {
  EXPECT_EQ(Escape("/usr/bin/caf\xc3\xa9"), "/usr/bin/caf\xc3\xa9");
  EXPECT_EQ(Escape("/a\n10 0000 ima-ng"), "/a\\n10 0000 ima-ng");
  EXPECT_EQ(Escape("a\\nb"), "a\\\\nb");
  EXPECT_EQ(Escape("\x1b[31m\x7f\t"), "\\x1b[31m\\x7f\\x09");
  EXPECT_EQ(Escape("a\xe2\x80\xae"
                   "b"),
            "a\\xe2\\x80\\xaeb")
      << "right-to-left override";
  EXPECT_EQ(Escape("a\xc2\x85"), "a\\xc2\\x85") << "a control character of Latin-1";
  EXPECT_EQ(Escape("\xff\xc0\xaf\xed\xa0\x80"), "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
  EXPECT_EQ(Escape("\xe2\x82"), "\\xe2\\x82") << "cut in a character";
  EXPECT_EQ(Escape("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(Escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "behind the last code point";
  EXPECT_EQ(Escape(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(EscapedText, I09_IsBounded) {
  EXPECT_EQ(Escape(std::string(4096, 'a')), std::string(256, 'a') + "...");
  EXPECT_EQ(Escape("abcdef", 3), "abc...");
  EXPECT_EQ(Escape("ab\xc3\xa9", 3), "ab...") << "no half of a character";
  EXPECT_EQ(Escape("abc", 3), "abc");
}

}  // namespace
}  // namespace plimsoll::ima
