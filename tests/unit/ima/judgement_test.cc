#include "ima/judgement.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "ima/replay.h"
#include "unit/ima/signing.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

const Bytes kPcr = Sha256("a PCR");

std::optional<ByteSpan> Quoted(AlgorithmId bank, uint32_t pcr) {
  return bank == AlgorithmId::kSha256 && pcr < 24 ? std::optional<ByteSpan>(kPcr) : std::nullopt;
}
std::optional<ByteSpan> NothingQuoted(AlgorithmId, uint32_t) { return std::nullopt; }

Made Aggregate() {
  Bytes pcrs;
  for (int i = 0; i < 10; ++i) {
    Append(pcrs, kPcr);
  }
  return MakeEntry("ima-ng", {DigestField("sha256", crypto::Digest(AlgorithmId::kSha256, {pcrs})),
                              NameField("boot_aggregate")});
}

std::shared_ptr<const AllowList> ListOf(
    const std::vector<std::pair<std::string, std::string>>& files) {
  std::string text;
  for (const auto& [contents, name] : files) {
    text += fmt::format("{}  {}\n", ToHex(Sha256(contents)), name);
  }
  auto list = AllowList::Parse(text);
  EXPECT_TRUE(list);
  return std::make_shared<const AllowList>(std::move(*list));
}

Rules Accepting(const std::vector<std::pair<std::string, std::string>>& files) {
  Rules rules;
  rules.allow_lists.push_back(ListOf(files));
  return rules;
}

ExcludePatterns Exclude(const std::string& pattern) {
  auto compiled = ExcludePatterns::Compile(std::vector<std::string>{pattern});
  EXPECT_TRUE(compiled);
  return std::move(*compiled);
}

Judgement Judge(const std::vector<Made>& made, const Rules& rules, Generation& generation,
                const QuotedPcr& quoted = Quoted, size_t count = SIZE_MAX, uint64_t first = 0) {
  const Bytes bytes = Listed(made);
  const auto list = List::FromBinary(bytes);
  EXPECT_TRUE(list) << list.error().message;
  return Appraise(*list, count, first, rules, quoted, generation);
}

Judgement Judge(const std::vector<Made>& made, const Rules& rules) {
  Generation generation;
  return Judge(made, rules, generation);
}

TEST(Judgement, AcceptsWhatIsListed) {
  const Judgement result =
      Judge({Aggregate(), File("/a", "a"), File("/b", "b")}, Accepting({{"a", "/a"}, {"b", "/b"}}));
  EXPECT_TRUE(result.accepted);
  EXPECT_EQ(result.entries, 3U);
  EXPECT_EQ(result.listed, 2U);
  EXPECT_EQ(result.boot_aggregate->verdict, BootAggregateVerdict::kMatches);
}

TEST(Judgement, RejectsWhatARevokedListNamesWhateverElseAcceptsIt) {
  Rules rules = Accepting({{"a", "/a"}, {"b", "/b"}});
  rules.revoked.push_back(ListOf({{"b", "/b"}, {"a", "/other"}}));
  rules.exclude = Exclude("/b");
  const Judgement result = Judge({Aggregate(), File("/a", "a"), File("/b", "b")}, rules);
  EXPECT_FALSE(result.accepted);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].path, "/b");
  EXPECT_TRUE(result.findings[0].revoked);
  EXPECT_THAT(result.findings[0].message, HasSubstr("revoked"));
}

TEST(Judgement, AcceptsNothingWithoutRules) {
  const Judgement result = Judge({Aggregate(), File("/a", "a")}, Rules{});
  EXPECT_FALSE(result.accepted);
  EXPECT_EQ(result.rejected, 1U);
}

TEST(Judgement, I09_NamesTheFileThatIsNotListedAndWhatComesClosest) {
  const Judgement result = Judge({Aggregate(), File("/usr/bin/x", "evil"), File("/b\n", "y")},
                                 Accepting({{"good", "/usr/bin/x"}, {"y", "/y"}}));
  ASSERT_EQ(result.findings.size(), 2U);
  const Finding& finding = result.findings[0];
  EXPECT_EQ(finding.check, "I9");
  EXPECT_EQ(finding.entry, 1U);
  EXPECT_EQ(finding.form, "ima-ng");
  EXPECT_EQ(finding.path, "/usr/bin/x");
  EXPECT_EQ(finding.digest, "sha256:" + ToHex(Sha256("evil")));
  EXPECT_EQ(finding.message, "/usr/bin/x is in no allow-list");
  EXPECT_EQ(finding.closest, "the same name with the digest sha256:" + ToHex(Sha256("good")));
  EXPECT_EQ(result.findings[1].path, "/b\\n");
  EXPECT_EQ(result.findings[1].closest, "the same digest as /y");
}

// E42, as far as the verdict goes.
TEST(Judgement, I09_DoesNotAdmitANameThatIsOnlyAlike) {
  EXPECT_FALSE(Judge({Aggregate(), File("/a_b", "x")}, Accepting({{"x", "/a b"}})).accepted);
  EXPECT_FALSE(Judge({Aggregate(), File("/a b", "x")}, Accepting({{"x", "/a_b"}})).accepted);
  EXPECT_TRUE(Judge({Aggregate(), File("/a_b", "x")}, Accepting({{"x", "/a_b"}})).accepted);
  const std::string nasty = "/a\n10 0000000000000000000000000000000000000000 ima-ng sha256:00 /b";
  EXPECT_FALSE(Judge({Aggregate(), File(nasty, "x")}, Accepting({{"x", "/a"}})).accepted);
}

TEST(Judgement, TakesAPairFromAnyOfTheLists) {
  Rules rules = Accepting({{"a", "/a"}});
  rules.allow_lists.push_back(ListOf({{"b", "/b"}}));
  EXPECT_TRUE(Judge({Aggregate(), File("/a", "a"), File("/b", "b")}, rules).accepted);
  EXPECT_FALSE(Judge({Aggregate(), File("/a", "b")}, rules).accepted);
}

TEST(Judgement, DoesNotAcceptADigestThatNoListCanHold) {
  const Made made = MakeEntry("ima-ng", {DigestField("sm3", Sha256("a")), NameField("/a")});
  EXPECT_FALSE(Judge({Aggregate(), made}, Accepting({{"a", "/a"}})).accepted);
}

// E38
TEST(Judgement, I04_RejectsOrCountsViolations) {
  const std::vector<Made> made = {Aggregate(), ViolationOf("/a")};
  Rules rules = Accepting({{"a", "/a"}});
  rules.exclude = Exclude(".*");
  const Judgement rejected = Judge(made, rules);
  EXPECT_FALSE(rejected.accepted) << "no list and no pattern speaks for a violation";
  EXPECT_EQ(rejected.violations, 1U);
  EXPECT_EQ(rejected.findings.at(0).check, "I4");
  EXPECT_EQ(rejected.findings.at(0).digest, "");

  rules.violations = ViolationRule::kCount;
  const Judgement counted = Judge(made, rules);
  EXPECT_TRUE(counted.accepted);
  EXPECT_EQ(counted.violations, 1U);
  EXPECT_EQ(counted.listed + counted.excluded, 0U);
}

TEST(Judgement, I05_DoesNotJudgeOtherPcrs) {
  const Judgement result = Judge({File("/x", "x", 11), Aggregate(), File("/y", "y", 11)}, Rules{});
  EXPECT_TRUE(result.accepted);
  EXPECT_EQ(result.entries, 1U);
  EXPECT_EQ(result.other_pcrs, 2U);
  Rules eleven;
  eleven.pcr = 11;
  EXPECT_FALSE(Judge({File("/x", "x", 11), Aggregate()}, eleven).accepted);
}

// E39
TEST(Judgement, I06_WantsTheBootAggregateFirst) {
  const Judgement result = Judge({File("/a", "a"), Aggregate()}, Accepting({{"a", "/a"}}));
  EXPECT_FALSE(result.accepted);
  EXPECT_EQ(result.findings.at(0).check, "I6");
  EXPECT_EQ(result.findings.at(0).entry, 0U);

  const Made zero =
      MakeEntry("ima-ng", {DigestField("sha256", Bytes(32)), NameField("boot_aggregate")});
  EXPECT_EQ(Judge({zero}, Rules{}).findings.at(0).check, "I6");
  EXPECT_EQ(Judge({ViolationOf("boot_aggregate")}, Rules{}).findings.at(0).check, "I6");
  const Made other = File("boot_aggregate", "another boot");
  const Judgement another = Judge({other}, Accepting({{"another boot", "boot_aggregate"}}));
  EXPECT_EQ(another.findings.at(0).check, "I6") << "no list speaks for a boot aggregate";
  EXPECT_EQ(another.boot_aggregate->verdict, BootAggregateVerdict::kWrong);
}

TEST(Judgement, I06_RefusesASecondBootAggregateWithoutAKexec) {
  const Judgement result = Judge({Aggregate(), Aggregate()}, Rules{});
  ASSERT_EQ(result.rejected, 1U);
  EXPECT_EQ(result.findings[0].check, "I6");
  EXPECT_EQ(result.findings[0].entry, 1U);
  EXPECT_THAT(result.findings[0].message, HasSubstr("second boot aggregate"));
}

TEST(Judgement, I06_TakesOneBootAggregateForEachKexec) {
  const Rules rules = Accepting({{"quiet", "buf:kexec-cmdline"}});
  const Made kexec = Buffer("kexec-cmdline", "quiet");
  EXPECT_TRUE(Judge({Aggregate(), kexec, Aggregate()}, rules).accepted);
  EXPECT_TRUE(Judge({Aggregate(), kexec, Aggregate(), kexec, Aggregate()}, rules).accepted);
  EXPECT_FALSE(Judge({Aggregate(), kexec, Aggregate(), Aggregate()}, rules).accepted);
  EXPECT_FALSE(Judge({Aggregate(), kexec, File("boot_aggregate", "other boot")}, rules).accepted);
  Rules files = Accepting({{"quiet", "kexec-cmdline"}});
  EXPECT_FALSE(Judge({Aggregate(), File("kexec-cmdline", "quiet"), Aggregate()}, files).accepted)
      << "a file of that name announces nothing";
}

TEST(Judgement, I06_ReportsABootAggregateThatCannotBeJudged) {
  Generation generation;
  const Judgement result = Judge({Aggregate()}, Rules{}, generation, NothingQuoted);
  EXPECT_TRUE(result.accepted);
  EXPECT_EQ(result.boot_aggregate->verdict, BootAggregateVerdict::kNotJudged);

  // Behind a kexec it could be any file of that name.
  Generation second;
  const Judgement later =
      Judge({Aggregate(), Buffer("kexec-cmdline", "quiet"), File("boot_aggregate", "evil")},
            Accepting({{"quiet", "buf:kexec-cmdline"}}), second, NothingQuoted);
  EXPECT_FALSE(later.accepted);
}

// E40: the entry behind the quoted prefix is judged in the next round, and not skipped.
TEST(Judgement, I07_JudgesThePrefixAndThenTheTail) {
  const std::vector<Made> made = {Aggregate(), File("/a", "a"), File("/evil", "evil")};
  const Rules rules = Accepting({{"a", "/a"}});
  const Bytes bytes = Listed(made);
  const auto list = List::FromBinary(bytes);
  ASSERT_TRUE(list);
  RunningDigest digest(AlgorithmId::kSha256);
  const auto advance = digest.AdvanceTo(*list, PcrAfter(made, AlgorithmId::kSha256, 2));
  ASSERT_TRUE(advance);
  Generation generation;
  const Judgement first = Appraise(*list, advance->consumed, 0, rules, Quoted, generation);
  EXPECT_TRUE(first.accepted);
  EXPECT_EQ(first.entries, 2U);

  const Judgement second =
      Judge({made[2]}, rules, generation, Quoted, SIZE_MAX, digest.position().entries);
  EXPECT_FALSE(second.accepted);
  EXPECT_EQ(second.findings.at(0).entry, 2U);
  EXPECT_FALSE(second.boot_aggregate);
}

TEST(Judgement, I08_KeepsTheGenerationBetweenChunks) {
  const Rules rules = Accepting({{"quiet", "buf:kexec-cmdline"}, {"a", "/a"}});
  Generation generation;
  EXPECT_TRUE(Judge({Aggregate(), Buffer("kexec-cmdline", "quiet")}, rules, generation).accepted);
  EXPECT_EQ(generation, (Generation{.begun = true, .kexec_pending = true}));
  EXPECT_TRUE(Judge({File("/a", "a"), Aggregate()}, rules, generation).accepted);
  EXPECT_EQ(generation, (Generation{.begun = true, .kexec_pending = false}));
  EXPECT_FALSE(Judge({Aggregate()}, rules, generation).accepted);
}

TEST(Judgement, I10_ExcludesOnlyWhatItsPatternsName) {
  Rules rules;
  rules.exclude = Exclude("/var/log/.*");
  const Judgement result =
      Judge({Aggregate(), File("/var/log/x", "x"), File("/var/logs", "y")}, rules);
  EXPECT_EQ(result.excluded, 1U);
  EXPECT_EQ(result.rejected, 1U);
  EXPECT_EQ(result.findings[0].path, "/var/logs");
}

TEST(Judgement, I11_AcceptsAFileThatAKeySigned) {
  Rules rules;
  rules.keys.push_back(KeyNamed("distro", EcKey()));
  const Judgement result = Judge({Aggregate(), SignedFile("/a", "a", EcKey()),
                                  SignedFile("/b", "b", OtherEcKey()), File("/c", "c")},
                                 rules);
  EXPECT_EQ(result.signed_, 1U);
  ASSERT_EQ(result.findings.size(), 2U);
  EXPECT_EQ(result.findings[0].check, "I11");
  EXPECT_THAT(result.findings[0].message, HasSubstr("none of the accepted keys"));
  EXPECT_EQ(result.findings[1].check, "I9");
}

TEST(Judgement, I11_DoesNotTryEverySignatureOfAHostileList) {
  Rules rules;
  rules.keys.push_back(KeyNamed("distro", EcKey()));
  std::vector<Made> made = {Aggregate()};
  for (int i = 0; i < 40; ++i) {
    made.push_back(SignedFile("/a" + std::to_string(i), "a", OtherEcKey()));
  }
  made.push_back(SignedFile("/good", "good", EcKey()));
  const Judgement result = Judge(made, rules);
  EXPECT_EQ(result.rejected, 41U);
  EXPECT_EQ(result.findings.size(), kMaxFindings);
}

TEST(Judgement, I12_JudgesBuffersByTheirNameAndNeverAsFiles) {
  const Made buffer = Buffer("kexec-cmdline", "quiet");
  EXPECT_TRUE(Judge({Aggregate(), buffer}, Accepting({{"quiet", "buf:kexec-cmdline"}})).accepted);
  EXPECT_FALSE(Judge({Aggregate(), buffer}, Accepting({{"quiet", "kexec-cmdline"}})).accepted);
  EXPECT_FALSE(Judge({Aggregate(), buffer}, Accepting({{"quiet", "buf:other"}})).accepted);
  const Judgement result =
      Judge({Aggregate(), File("kexec-cmdline", "quiet"), File("buf:kexec-cmdline", "quiet")},
            Accepting({{"quiet", "buf:kexec-cmdline"}}));
  EXPECT_EQ(result.rejected, 2U) << "a buffer's line does not accept a file";
  EXPECT_EQ(result.buffers, 0U);
}

TEST(Judgement, I12_ExcludesABufferByItsOwnNameAlone) {
  Rules rules;
  rules.exclude = Exclude("buf:dm_.*");
  EXPECT_TRUE(Judge({Aggregate(), Buffer("dm_table_load", "x")}, rules).accepted);
  EXPECT_FALSE(Judge({Aggregate(), File("buf:dm_table_load", "x")}, rules).accepted)
      << "a file that calls itself a buffer";
  rules.exclude = Exclude("dm_.*");
  EXPECT_FALSE(Judge({Aggregate(), Buffer("dm_table_load", "x")}, rules).accepted);
}

TEST(Judgement, I12_RefusesABufferWhoseDigestIsNotItsOwn) {
  const Made made = MakeEntry("ima-buf", {DigestField("sha256", Sha256("quiet")),
                                          NameField("kexec-cmdline"), Text("init=/bin/sh")});
  const Judgement result =
      Judge({Aggregate(), made, Aggregate()}, Accepting({{"quiet", "buf:kexec-cmdline"}}));
  EXPECT_EQ(result.rejected, 2U) << "it announces no kexec either";
  EXPECT_THAT(result.findings.at(0).message, HasSubstr("not that of its contents"));
}

TEST(Judgement, I12_KeepsVerityDigestsApartFromContents) {
  const Made made =
      MakeEntry("ima-ngv2", {DigestField("verity:sha256", Sha256("v")), NameField("/a")});
  EXPECT_FALSE(Judge({Aggregate(), made}, Accepting({{"v", "/a"}})).accepted);
  EXPECT_TRUE(Judge({Aggregate(), made}, Accepting({{"v", "verity:/a"}})).accepted);
  EXPECT_FALSE(Judge({Aggregate(), File("/a", "v")}, Accepting({{"v", "verity:/a"}})).accepted);
  EXPECT_FALSE(
      Judge({Aggregate(), File("verity:/a", "v")}, Accepting({{"v", "verity:/a"}})).accepted);
}

TEST(Judgement, CountsAllFindingsAndKeepsTheFirst) {
  std::vector<Made> made = {Aggregate()};
  for (int i = 0; i < 100; ++i) {
    made.push_back(File("/a" + std::to_string(i), "a"));
  }
  const Judgement result = Judge(made, Rules{});
  EXPECT_EQ(result.rejected, 100U);
  EXPECT_EQ(result.findings.size(), kMaxFindings);
  EXPECT_FALSE(result.accepted);
}

}  // namespace
}  // namespace plimsoll::ima
