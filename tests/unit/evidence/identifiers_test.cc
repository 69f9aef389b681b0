#include "evidence/identifiers.h"

#include <gtest/gtest.h>

#include <string>

namespace plimsoll::evidence {
namespace {

TEST(Identifiers, F06_NodeNamesAreDns1123Subdomains) {
  for (const char* good : {"a", "worker-2", "ip-10-0-0-1.eu-central-1.compute.internal", "1.2.3"}) {
    EXPECT_TRUE(IsNodeName(good)) << good;
  }
  for (const char* bad : {"", "-a", "a-", "A", "a..b", ".a", "a.", "a_b", "a\nb", "a\x1b[31m",
                          "a/b", "a\"}", "w\xc3\xb6rker"}) {
    EXPECT_FALSE(IsNodeName(bad)) << bad;
  }
  EXPECT_TRUE(IsNodeName(std::string(253, 'a')));
  EXPECT_FALSE(IsNodeName(std::string(254, 'a')));
  EXPECT_FALSE(IsNodeName(std::string("a\0b", 3)));
}

TEST(Identifiers, F06_UidsAreLowerCaseUuids) {
  EXPECT_TRUE(IsUuid("6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11"));
  for (const char* bad :
       {"", "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b1", "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b111",
        "6F0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11", "6f0c1d3e052a4-4a8b-9f57-0c7c6a3f2b11",
        "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b1g"}) {
    EXPECT_FALSE(IsUuid(bad)) << bad;
  }
}

TEST(Identifiers, F06_IdsAndReasonsAreShortWords) {
  EXPECT_TRUE(IsId("c-_09azAZ"));
  EXPECT_FALSE(IsId(""));
  EXPECT_FALSE(IsId("a b"));
  EXPECT_FALSE(IsId("../x"));
  EXPECT_TRUE(IsId(std::string(64, 'x')));
  EXPECT_FALSE(IsId(std::string(65, 'x')));
  EXPECT_TRUE(IsReasonWord("PCRMismatch"));
  EXPECT_FALSE(IsReasonWord("pcrMismatch"));
  EXPECT_FALSE(IsReasonWord("PCR mismatch"));
  EXPECT_FALSE(IsReasonWord(""));
}

TEST(Identifiers, F06_FreeTextHasNoControlsAndAtMost256Bytes) {
  EXPECT_TRUE(IsFreeText(""));
  EXPECT_TRUE(IsFreeText("Debian GNU/Linux 12 (\xc3\xbc)"));
  EXPECT_TRUE(IsFreeText(std::string(256, 'x')));
  EXPECT_FALSE(IsFreeText(std::string(257, 'x')));
  for (const char* bad : {"a\nb", "a\tb", "\x1b[31m", "\x7f", "\xc2\x85" /* NEL */, "\xe2\x80\xa8",
                          "\xe2\x80\xae" /* right-to-left override */, "\xff", "\xc0\xaf",
                          "\xed\xa0\x80" /* surrogate */, "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_FALSE(IsFreeText(bad)) << bad;
  }
}

TEST(Identifiers, AnythingBecomesFreeText) {
  EXPECT_EQ(ToFreeText("plain"), "plain");
  EXPECT_EQ(ToFreeText("a\nb\xff"
                       "c\xe2\x80\xae"),
            "a?b?c?");
  const std::string cut = ToFreeText(std::string(255, 'x') + "\xc3\xbc" + "y");
  EXPECT_EQ(cut, std::string(255, 'x'));
  EXPECT_TRUE(IsFreeText(ToFreeText(std::string(1000, '\x01'))));
}

}  // namespace
}  // namespace plimsoll::evidence
