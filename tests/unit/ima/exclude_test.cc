#include "ima/exclude.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

ExcludePatterns Compile(std::vector<std::string> patterns) {
  auto compiled = ExcludePatterns::Compile(patterns);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return std::move(*compiled);
}

TEST(ExcludePatterns, I10_ExcludesNothingOfItsOwn) {
  EXPECT_FALSE(ExcludePatterns().Matches("/tmp/x"));
  EXPECT_FALSE(ExcludePatterns().Matches(""));
  EXPECT_TRUE(ExcludePatterns().empty());
}

TEST(ExcludePatterns, I10_MatchesTheWholeName) {
  const ExcludePatterns patterns = Compile({"/var/log/.*", "/run/x", "a|b"});
  EXPECT_TRUE(patterns.Matches("/var/log/a/b"));
  EXPECT_TRUE(patterns.Matches("/run/x"));
  EXPECT_FALSE(patterns.Matches("/run/xy"));
  EXPECT_FALSE(patterns.Matches("/x/run/x"));
  EXPECT_FALSE(patterns.Matches("/var/log"));
  EXPECT_FALSE(patterns.Matches("abc")) << "both sides of an alternative are anchored";
  EXPECT_TRUE(patterns.Matches("b"));
}

TEST(ExcludePatterns, I10_DoesNotLetADotReachOverALine) {
  const ExcludePatterns patterns = Compile({"/tmp/.*"});
  EXPECT_FALSE(patterns.Matches("/tmp/x\n/usr/bin/y"));
  EXPECT_FALSE(patterns.Matches("/tmp/\xff"));
  EXPECT_TRUE(patterns.Matches("/tmp/\xc3\xa4"));
}

TEST(ExcludePatterns, I10_RefusesWhatIsNoPattern) {
  const auto refused = [](std::string pattern) {
    const auto compiled = ExcludePatterns::Compile(std::vector<std::string>{"/ok", pattern});
    return compiled ? std::string("taken") : compiled.error().message;
  };
  for (const char* pattern : {"(", "[a", "a**", "(?=a)", "\\1", "(?P<n>a)\\k<n>", "*", "\xff"}) {
    EXPECT_THAT(refused(pattern), HasSubstr("exclude pattern 1")) << pattern;
  }
  EXPECT_THAT(refused(""), HasSubstr("empty"));
}

TEST(ExcludePatterns, I10_HoldsToItsLimits) {
  EXPECT_TRUE(ExcludePatterns::Compile(std::vector<std::string>(64, "a")));
  EXPECT_FALSE(ExcludePatterns::Compile(std::vector<std::string>(65, "a")));
  EXPECT_TRUE(ExcludePatterns::Compile(std::vector<std::string>{std::string(1024, 'a')}));
  EXPECT_FALSE(ExcludePatterns::Compile(std::vector<std::string>{std::string(1025, 'a')}));
  EXPECT_FALSE(ExcludePatterns::Compile(std::vector<std::string>{"((a{100}){100}){100}"}));
  EXPECT_FALSE(ExcludePatterns::Compile(std::vector<std::string>{"\\pL{300}"}))
      << "a program that fits RE2's own limit and not ours";
}

// E43: a pattern that makes backtracking engines run for years.
TEST(ExcludePatterns, I10_TakesLinearTimeForCatastrophicPatterns) {
  const ExcludePatterns patterns =
      Compile({"(a+)+$", "(a|aa)*b", "(.*.*.*.*)*x", "(a?){64}a{64}b"});
  const std::string path = std::string(100'000, 'a') + "!";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(patterns.Matches(path));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_TRUE(patterns.Matches(std::string(100'000, 'a')));
}

}  // namespace
}  // namespace plimsoll::ima
