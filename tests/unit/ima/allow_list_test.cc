#include "ima/allow_list.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "unit/ima/list_builder.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

std::string LineOf(std::string_view contents, std::string_view name) {
  return fmt::format("{}  {}\n", ToHex(Sha256(contents)), name);
}

AllowList Parse(std::string_view text) {
  auto list = AllowList::Parse(text);
  EXPECT_TRUE(list) << list.error().message;
  return std::move(*list);
}

std::string WhyRefused(std::string_view text) {
  const auto list = AllowList::Parse(text);
  return list ? "taken" : list.error().message;
}

bool HasFile(const AllowList& list, std::string_view contents, std::string_view name) {
  return list.Contains(Subject::kFile, AlgorithmId::kSha256, Sha256(contents), name);
}

TEST(AllowList, AcceptsTheVeryPairsOfItsLines) {
  const AllowList list = Parse("# made by hand\n\n" + LineOf("a", "/a") +
                               fmt::format("{} */b\n", ToHex(Sha256("b"))) + LineOf("c", "/c"));
  EXPECT_EQ(list.size(), 3U);
  EXPECT_TRUE(HasFile(list, "a", "/a"));
  EXPECT_TRUE(HasFile(list, "b", "/b"));
  EXPECT_FALSE(HasFile(list, "a", "/b"));
  EXPECT_FALSE(HasFile(list, "b", "/a"));
  EXPECT_FALSE(HasFile(list, "a", "/a "));
  EXPECT_FALSE(HasFile(list, "a", "a"));
  EXPECT_FALSE(HasFile(list, "a", ""));
  EXPECT_FALSE(list.Contains(Subject::kFile, AlgorithmId::kSha256, Bytes(31), "/a"));
  EXPECT_FALSE(list.Contains(Subject::kFile, AlgorithmId::kSha256, {}, "/a"));
}

TEST(AllowList, KnowsTheAlgorithmByTheLengthOfItsDigest) {
  std::string text;
  constexpr AlgorithmId kAll[] = {AlgorithmId::kSha1, AlgorithmId::kSha256, AlgorithmId::kSha384,
                                  AlgorithmId::kSha512};
  for (const AlgorithmId hash : kAll) {
    text += fmt::format("{}  /a\n", ToHex(crypto::Digest(hash, {Text("a")})));
  }
  const AllowList list = Parse(text);
  for (const AlgorithmId hash : kAll) {
    const Bytes digest = crypto::Digest(hash, {Text("a")});
    EXPECT_TRUE(list.Contains(Subject::kFile, hash, digest, "/a"));
    for (const AlgorithmId other : kAll) {
      EXPECT_EQ(list.Contains(Subject::kFile, other, digest, "/a"), other == hash);
    }
  }
}

TEST(AllowList, TakesHexInEitherCase) {
  std::string hex = ToHex(Sha256("a"));
  std::transform(hex.begin(), hex.end(), hex.begin(), ::toupper);
  EXPECT_TRUE(HasFile(Parse(hex + "  /a\n"), "a", "/a"));
}

// E42: names are bytes, and nothing is made equal.
TEST(AllowList, I09_ComparesNamesByteByByte) {
  const AllowList spaces = Parse(LineOf("x", "/a b"));
  EXPECT_TRUE(HasFile(spaces, "x", "/a b"));
  EXPECT_FALSE(HasFile(spaces, "x", "/a_b"));
  const AllowList underscores = Parse(LineOf("x", "/a_b"));
  EXPECT_FALSE(HasFile(underscores, "x", "/a b"));
  EXPECT_TRUE(HasFile(underscores, "x", "/a_b"));

  const AllowList list = Parse(LineOf("x", "/usr/bin/x") + LineOf("y", "/caf\xc3\xa9"));
  EXPECT_FALSE(HasFile(list, "x", "/usr/lib/../bin/x"));
  EXPECT_FALSE(HasFile(list, "x", "//usr/bin/x"));
  EXPECT_FALSE(HasFile(list, "x", "/USR/BIN/X"));
  EXPECT_FALSE(HasFile(list, "x", "/usr/bin/x\n"));
  EXPECT_FALSE(HasFile(list, "y", "/cafe\xcc\x81")) << "the same letters, composed otherwise";
  EXPECT_TRUE(HasFile(list, "y", "/caf\xc3\xa9"));
}

TEST(AllowList, I09_ReadsEscapedNamesAsSha256sumWritesThem) {
  const std::string hex = ToHex(Sha256("x"));
  const AllowList list =
      Parse(fmt::format("\\{}  /a\\nb\n\\{}  /c\\\\d\\re\n{}  /f\\ng\n", hex, hex, hex));
  EXPECT_TRUE(HasFile(list, "x", "/a\nb"));
  EXPECT_TRUE(HasFile(list, "x", "/c\\d\re"));
  EXPECT_TRUE(HasFile(list, "x", "/f\\ng")) << "not marked, so not escaped";
  EXPECT_FALSE(HasFile(list, "x", "/f\ng"));
  EXPECT_THAT(WhyRefused(fmt::format("\\{}  /a\\x", hex)), HasSubstr("backslash"));
  EXPECT_THAT(WhyRefused(fmt::format("\\{}  /a\\", hex)), HasSubstr("backslash"));
}

TEST(AllowList, I12_KeepsFilesBuffersAndVerityApart) {
  const AllowList list =
      Parse(LineOf("f", "/file") + LineOf("b", "buf:kexec-cmdline") + LineOf("v", "verity:/file"));
  const Subject all[] = {Subject::kFile, Subject::kVerity, Subject::kBuffer};
  for (const Subject subject : all) {
    const auto has = [&](std::string_view contents, std::string_view name) {
      return list.Contains(subject, AlgorithmId::kSha256, Sha256(contents), name);
    };
    EXPECT_EQ(has("f", "/file"), subject == Subject::kFile);
    EXPECT_EQ(has("v", "/file"), subject == Subject::kVerity);
    EXPECT_EQ(has("b", "kexec-cmdline"), subject == Subject::kBuffer);
    EXPECT_FALSE(has("b", "buf:kexec-cmdline"));
    EXPECT_FALSE(has("v", "verity:/file"));
  }
}

TEST(AllowList, NamesTheLineThatIsWrong) {
  const std::string good = LineOf("a", "/a");
  const std::string hex = ToHex(Sha256("a"));
  EXPECT_THAT(WhyRefused(good + "\n" + hex.substr(1) + "  /b\n"),
              AllOf(HasSubstr("allow-list:3: "), HasSubstr("63 hex digits")));
  EXPECT_THAT(WhyRefused(good + hex + "0  /b\n"), HasSubstr(":2: "));
  EXPECT_THAT(WhyRefused(hex + " /b\n"), HasSubstr("two spaces"));
  EXPECT_THAT(WhyRefused(hex + "\t/b\n"), HasSubstr("two spaces"));
  EXPECT_THAT(WhyRefused(hex + "\n"), HasSubstr("two spaces"));
  EXPECT_THAT(WhyRefused(hex + "  \n"), HasSubstr("empty"));
  EXPECT_THAT(WhyRefused(hex + "  buf:\n"), HasSubstr("empty"));
  EXPECT_THAT(WhyRefused(hex + "  /b\r\n"), HasSubstr("carriage return"));
  EXPECT_THAT(WhyRefused(hex + std::string("  /b\0c\n", 7)), HasSubstr("zero byte"));
  EXPECT_THAT(WhyRefused("SHA256 (/b) = " + hex + "\n"), HasSubstr("0 hex digits"));
  EXPECT_THAT(WhyRefused(hex + "  " + std::string(4097, 'a') + "\n"), HasSubstr("at most 4096"));
  EXPECT_EQ(WhyRefused(hex + "  " + std::string(4096, 'a')), "taken")
      << "the last line may be open";
  EXPECT_EQ(WhyRefused(""), "taken");
}

TEST(AllowList, HoldsToItsLimits) {
  EXPECT_THAT(WhyRefused(std::string(kMaxAllowListBytes + 1, '#')), HasSubstr("33554432"));
  AllowList::Builder builder;
  const std::string half(kMaxAllowListBytes / 2 + 1, '#');
  EXPECT_TRUE(builder.Add(half, "one"));
  const Status second = builder.Add(half, "two");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("two: "));
  EXPECT_EQ(second.error().code, ErrorCode::kTooLarge);
}

TEST(AllowList, JoinsSeveralTexts) {
  AllowList::Builder builder;
  const std::string one = LineOf("1", "/a") + LineOf("2", "/b");
  const std::string two = LineOf("2", "/b") + LineOf("3", "/a");
  ASSERT_TRUE(builder.Add(one, "one"));
  ASSERT_TRUE(builder.Add(two, "two"));
  const AllowList list = std::move(builder).Build();
  EXPECT_EQ(list.size(), 3U) << "the pair that both have counts once";
  EXPECT_TRUE(HasFile(list, "1", "/a"));
  EXPECT_TRUE(HasFile(list, "3", "/a"));
}

TEST(AllowList, TellsWhatComesClosest) {
  const AllowList list =
      Parse(LineOf("old", "/usr/bin/x") + LineOf("y", "/usr/bin/y\x01") + LineOf("b", "buf:n"));
  const auto closest = [&](std::string_view contents, std::string_view name,
                           Subject subject = Subject::kFile) {
    return list.Closest(subject, AlgorithmId::kSha256, Sha256(contents), name);
  };
  EXPECT_EQ(closest("new", "/usr/bin/x"),
            "the same name with the digest sha256:" + ToHex(Sha256("old")));
  EXPECT_EQ(closest("y", "/tmp/z"), "the same digest as /usr/bin/y\\x01");
  EXPECT_EQ(closest("z", "/tmp/z"), "");
  EXPECT_EQ(closest("b", "/tmp/z"), "") << "a buffer is not close to a file";
}

// Against the obvious implementation, with names that share much and digests that repeat.
TEST(AllowList, AgreesWithASetOfPairs) {
  std::mt19937 random(7);  // NOLINT: the same every time
  std::set<std::pair<std::string, std::string>> expected;
  std::string text;
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) {
    std::string name = "/";
    for (auto j = random() % 12; j > 0; --j) {
      name += "ab/\xff"[random() % 4];
    }
    const std::string contents = std::to_string(random() % (i % 3 == 0 ? 3 : 1000));
    expected.emplace(contents, name);
    names.push_back(name);
    text += LineOf(contents, name);
  }
  const AllowList list = Parse(text);
  EXPECT_EQ(list.size(), expected.size());
  for (const auto& [contents, name] : expected) {
    EXPECT_TRUE(HasFile(list, contents, name));
  }
  for (int i = 0; i < 20000; ++i) {
    const std::string contents = std::to_string(random() % 1000);
    const std::string& name = names[random() % names.size()];
    EXPECT_EQ(HasFile(list, contents, name), expected.contains({contents, name}));
  }
}

TEST(AllowList, TakesLessMemoryThanItsText) {
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text += LineOf(std::to_string(i), fmt::format("/usr/share/package-{}/file-{}.so", i / 50, i));
  }
  const AllowList list = Parse(text);
  EXPECT_LT(list.memory_bytes(), text.size() * 6 / 10);
  EXPECT_GT(list.memory_bytes(), 20000U * 32);
}

}  // namespace
}  // namespace plimsoll::ima
