#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ima/measurement_list.h"
#include "ima/replay.h"
#include "unit/ima/list_builder.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

// As the kernel prints an ima-ng entry: names as they are.
std::string Line(std::string_view path, std::string_view contents) {
  const Made made = File(path, contents);
  return fmt::format("10 {} ima-ng sha256:{} {}\n",
                     ToHex(crypto::Digest(AlgorithmId::kSha1, {made.hashed})),
                     ToHex(Sha256(contents)), path);
}

std::string WhyRefused(std::string_view text, size_t entry = 0) {
  const auto list = List::FromAscii(text);
  if (list) {
    return "taken";
  }
  EXPECT_EQ(list.error().entry, entry);
  return list.error().message;
}

TEST(AsciiList, I01_GivesTheEntriesOfTheBinaryList) {
  const Bytes signature = {3, 2, 4, 1, 2, 3, 4, 0, 1, 9};
  const Bytes digest = Sha256("a");
  const std::vector<Made> made = {
      OldForm("/old", Bytes(20, 7)),
      File("/ng", "a"),
      MakeEntry("ima-sig", {DigestField("sha256", digest), NameField("/sig"), {}}),
      MakeEntry("ima-ngv2", {DigestField("verity:sha256", digest), NameField("/v")}),
      MakeEntry("ima-sigv2", {DigestField("ima:sha256", digest), NameField("/s2"), signature}),
      Buffer("n", "buffer"),
      MakeEntry("ima-modsig", {DigestField("sha256", digest), NameField("/m"), {}, {}, {}}, 9),
      MakeEntry("ima-modsig", {DigestField("sha256", digest), NameField("/m"), signature,
                               DigestField("sha1", Bytes(20, 5)), Bytes{1, 2}}),
      ViolationOf("/log")};
  const auto hash = [&](size_t i) {
    return made[i].violation ? std::string(40, '0')
                             : ToHex(crypto::Digest(AlgorithmId::kSha1, {made[i].hashed}));
  };
  const std::string hex = ToHex(digest);
  const std::string text =
      fmt::format("10 {} ima {} /old\n", hash(0), ToHex(Bytes(20, 7))) +
      fmt::format("10 {} ima-ng sha256:{} /ng\n", hash(1), hex) +
      fmt::format("10 {} ima-sig sha256:{} /sig \n", hash(2), hex) +
      fmt::format("10 {} ima-ngv2 verity:sha256:{} /v\n", hash(3), hex) +
      fmt::format("10 {} ima-sigv2 ima:sha256:{} /s2 {}\n", hash(4), hex, ToHex(signature)) +
      fmt::format("10 {} ima-buf sha256:{} n {}\n", hash(5), ToHex(Sha256("buffer")),
                  ToHex(Text("buffer"))) +
      fmt::format(" 9 {} ima-modsig sha256:{} /m   \n", hash(6), hex) +
      fmt::format("10 {} ima-modsig sha256:{} /m {} sha1:{} 0102\n", hash(7), hex, ToHex(signature),
                  ToHex(Bytes(20, 5))) +
      fmt::format("10 {} ima-ng sha256:{} /log\n", hash(8), ToHex(Bytes(32)));
  auto list = List::FromFile(AsBytes(text));
  ASSERT_TRUE(list) << list.error().entry << list.error().message;
  const List moved = std::move(*list);
  const Bytes binary = Listed(made);
  const auto expected = List::FromBinary(binary);
  ASSERT_TRUE(expected);
  ASSERT_EQ(moved.size(), expected->size());
  for (size_t i = 0; i < moved.size(); ++i) {
    EXPECT_EQ(moved[i].pcr, (*expected)[i].pcr);
    EXPECT_EQ(moved[i].form, (*expected)[i].form);
    EXPECT_EQ(ToBytes(moved[i].template_hash), ToBytes((*expected)[i].template_hash));
    EXPECT_EQ(ToBytes(moved[i].template_data), ToBytes((*expected)[i].template_data)) << i;
  }
}

TEST(AsciiList, I09_RefusesASpaceInAName) {
  // The kernel writes '_' for each; a list with a space was written by somebody else.
  EXPECT_THAT(WhyRefused(Line("/a b", "x")), HasSubstr("more fields"));
  EXPECT_THAT(WhyRefused("10  x"), HasSubstr("does not end"));
}

// E42: a name that reads like the end of its line and the start of another entry.
TEST(AsciiList, I09_NeitherInventsNorLosesAnEntryByANewlineInAName) {
  const std::string trap = "/tmp/x\n" + Line("/usr/bin/good", "good");
  const std::string name = trap.substr(0, trap.size() - 1);
  const std::vector<Made> real = {File(name, "evil")};

  const Bytes binary = real[0].listed;
  const auto whole = List::FromBinary(binary);
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->size(), 1U);
  EXPECT_EQ((*whole)[0].path, name);

  // The ASCII list of that machine has two lines, which look like two entries.
  const std::string text = Line(name, "evil");
  const auto split = List::FromAscii(text);
  ASSERT_TRUE(split);
  ASSERT_EQ(split->size(), 2U);
  for (const AlgorithmId bank : {AlgorithmId::kSha1, AlgorithmId::kSha256}) {
    RunningDigest digest(bank);
    EXPECT_FALSE(digest.AdvanceTo(*split, PcrAfter(real, bank))) << "the first line is cut";
    EXPECT_FALSE(ReplayAll(*split, bank));
  }
}

TEST(AsciiList, I09_RefusesTheRestOfANameThatIsNoEntry) {
  EXPECT_THAT(WhyRefused(Line("/a", "a") + "rest of a name\n", 1), HasSubstr("newline"));
  EXPECT_THAT(WhyRefused(Line("/a", "a") + "\n", 1), HasSubstr("newline"));
}

TEST(AsciiList, I03_RefusesWhatTheKernelDoesNotPrint) {
  const std::string good = Line("/a", "a");
  EXPECT_EQ(WhyRefused(good), "taken");
  EXPECT_THAT(WhyRefused(good.substr(0, good.size() - 1)), HasSubstr("does not end"));
  EXPECT_THAT(WhyRefused("10 " + std::string(38, 'a') + " ima-ng sha1: /a\n"),
              HasSubstr("template hash of 19 bytes"));
  EXPECT_THAT(WhyRefused("10 " + std::string(40, 'A') + " ima-ng sha1: /a\n"),
              HasSubstr("lower-case hex"));
  EXPECT_THAT(WhyRefused("32" + good.substr(2)), HasSubstr("PCR"));
  EXPECT_THAT(WhyRefused("-1" + good.substr(2)), HasSubstr("PCR"));
  EXPECT_THAT(WhyRefused("4294967306" + good.substr(2)), HasSubstr("PCR"));
  EXPECT_THAT(WhyRefused("10 " + std::string(40, 'a') + "\n"), HasSubstr("template name"));
  EXPECT_THAT(WhyRefused("10 " + std::string(40, 'a') + " ima-ng aabb /a\n"),
              HasSubstr("algorithm in front"));
  EXPECT_THAT(WhyRefused("10 " + std::string(40, 'a') + " ima aabb /a\n"),
              HasSubstr("digest of 2 bytes"));
  EXPECT_THAT(WhyRefused(Line(std::string_view("/a\0b", 4), "a")), HasSubstr("zero byte"));
}

TEST(AsciiList, I03_HoldsToItsLimits) {
  EXPECT_THAT(WhyRefused(std::string(3 * kMaxListBytes + 1, '1')), HasSubstr("at most"));
  std::string many;
  const std::string line = "10 " + std::string(40, 'a') + " ima " + std::string(40, 'b') + " /a\n";
  for (size_t i = 0; i < kMaxListEntries; ++i) {
    many += line;
  }
  EXPECT_EQ(WhyRefused(many), "taken");
  EXPECT_THAT(WhyRefused(many + line, kMaxListEntries), HasSubstr("more than 100000"));
}

}  // namespace
}  // namespace plimsoll::ima
