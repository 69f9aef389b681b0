#include "ima/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ima/list_builder.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

constexpr AlgorithmId kBanks[] = {AlgorithmId::kSha1, AlgorithmId::kSha256, AlgorithmId::kSha384,
                                  AlgorithmId::kSha512};

// `bytes` must live as long as the list.
List Parse(const Bytes& bytes) {
  auto list = List::FromBinary(bytes);
  EXPECT_TRUE(list) << list.error().message;
  return std::move(*list);
}

std::vector<Made> ThreeFiles() { return {File("/a", "a"), File("/b", "b"), File("/c", "c")}; }

TEST(Replay, I01_ReachesThePcrInEveryBank) {
  const std::vector<Made> made = {File("/a", "a"), OldForm("/old", Bytes(20, 7)),
                                  Buffer("name", "buffer")};
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  for (const AlgorithmId bank : kBanks) {
    RunningDigest digest(bank);
    const auto advance = digest.AdvanceTo(list, PcrAfter(made, bank));
    ASSERT_TRUE(advance) << advance.error().message;
    EXPECT_EQ(advance->reach, Reach::kReached);
    EXPECT_EQ(advance->consumed, 3U);
    EXPECT_EQ(digest.position().digest, PcrAfter(made, bank));
    EXPECT_EQ(digest.position().entries, 3U);
  }
  for (size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(HashedBytes(list[i]), made[i].hashed) << i;
  }
}

// E37: another file digest under a template hash that stays.
TEST(Replay, I01_RefusesAnEntryWhoseTemplateHashIsNotOfItsData) {
  std::vector<Made> made = ThreeFiles();
  const Bytes quoted = PcrAfter(made);
  const Bytes digest = Sha256("b");
  const auto at =
      std::search(made[1].listed.begin(), made[1].listed.end(), digest.begin(), digest.end());
  ASSERT_NE(at, made[1].listed.end());
  *at ^= 1;
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  for (const AlgorithmId bank : kBanks) {
    RunningDigest running(bank);
    const auto advance = running.AdvanceTo(list, PcrAfter(made, bank));
    ASSERT_FALSE(advance);
    EXPECT_EQ(advance.error().entry, 1U);
    EXPECT_THAT(advance.error().message, HasSubstr("template hash"));
    EXPECT_EQ(running.position(), RunningDigest(bank).position()) << "it stays where it was";
    const auto all = ReplayAll(list, bank);
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().entry, 1U);
  }
}

TEST(Replay, I01_ExtendsTheBanksOwnHashAndNotTheListedSha1) {
  // Other data and the template hash that belongs to it: only the PCR can tell.
  const std::vector<Made> real = ThreeFiles();
  std::vector<Made> forged = real;
  forged[1] = File("/b", "evil");
  const Bytes bytes = Listed(forged);
  const List list = Parse(bytes);
  for (const AlgorithmId bank : kBanks) {
    RunningDigest digest(bank);
    EXPECT_EQ(digest.AdvanceTo(list, PcrAfter(real, bank))->reach, Reach::kNotReached);
  }
}

TEST(Replay, I02_DoesNotReachAPcrOfZeroPaddedSha1) {
  const std::vector<Made> made = ThreeFiles();
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  Bytes padded(32);
  for (const Made& entry : made) {
    const Bytes sha1 = crypto::Digest(AlgorithmId::kSha1, {entry.hashed});
    padded = crypto::Digest(AlgorithmId::kSha256, {padded, sha1, Bytes(12)});
  }
  RunningDigest digest(AlgorithmId::kSha256);
  EXPECT_EQ(digest.AdvanceTo(list, padded)->reach, Reach::kNotReached);
}

// E38, as far as the PCR goes.
TEST(Replay, I04_ExtendsOnesForAViolation) {
  const std::vector<Made> made = {File("/a", "a"), ViolationOf("/log"), File("/b", "b")};
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  for (const AlgorithmId bank : kBanks) {
    RunningDigest digest(bank);
    EXPECT_EQ(digest.AdvanceTo(list, PcrAfter(made, bank))->reach, Reach::kReached);
  }
}

TEST(Replay, I05_KeepsOtherPcrsApart) {
  const std::vector<Made> made = {File("/a", "a"), File("/x", "x", 11), File("/b", "b")};
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  RunningDigest ten(AlgorithmId::kSha256);
  const auto advance = ten.AdvanceTo(list, PcrAfter(made));
  EXPECT_EQ(advance->reach, Reach::kReached);
  EXPECT_EQ(advance->consumed, 3U);
  EXPECT_EQ(advance->extended, 2U);

  RunningDigest eleven(AlgorithmId::kSha256, 11);
  const auto other = eleven.AdvanceTo(list, PcrAfter(made, AlgorithmId::kSha256, SIZE_MAX, 11));
  EXPECT_EQ(other->reach, Reach::kReached);
  EXPECT_EQ(other->consumed, 2U);
  EXPECT_EQ(other->extended, 1U);

  const auto all = ReplayAll(list, AlgorithmId::kSha256);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 2U);
  EXPECT_EQ(all->at(10), PcrAfter(made));
  EXPECT_EQ(all->at(11), PcrAfter(made, AlgorithmId::kSha256, SIZE_MAX, 11));
}

// E40: the list grew between the quote and the reading.
TEST(Replay, I07_StopsWhereTheQuotedValueIsReached) {
  std::vector<Made> made = ThreeFiles();
  made.push_back(File("/evil", "evil"));
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  RunningDigest digest(AlgorithmId::kSha256);
  const auto advance = digest.AdvanceTo(list, PcrAfter(made, AlgorithmId::kSha256, 3));
  ASSERT_TRUE(advance);
  EXPECT_EQ(advance->reach, Reach::kReached);
  EXPECT_EQ(advance->consumed, 3U) << "the fourth is covered by no quote yet";
  EXPECT_EQ(digest.position().entries, 3U);

  // The next round begins with the entry that was pending, and it is not skipped.
  const Bytes rest = made[3].listed;
  const auto next = digest.AdvanceTo(Parse(rest), PcrAfter(made));
  EXPECT_EQ(next->reach, Reach::kReached);
  EXPECT_EQ(next->consumed, 1U);
}

TEST(Replay, I07_DoesNotReachTheValueWithAShorterList) {
  const std::vector<Made> made = ThreeFiles();
  const Bytes bytes = Listed({made[0], made[1]});
  RunningDigest digest(AlgorithmId::kSha256);
  const auto advance = digest.AdvanceTo(Parse(bytes), PcrAfter(made));
  EXPECT_EQ(advance->reach, Reach::kNotReached);
  EXPECT_EQ(advance->consumed, 2U);
  EXPECT_EQ(digest.position().digest, PcrAfter(made, AlgorithmId::kSha256, 2)) << "more may come";
}

TEST(Replay, I07_SaysWhenNothingNewWasMeasured) {
  const std::vector<Made> made = ThreeFiles();
  const Bytes bytes = Listed(made);
  const List list = Parse(bytes);
  RunningDigest digest(AlgorithmId::kSha256);
  ASSERT_EQ(digest.AdvanceTo(list, PcrAfter(made))->reach, Reach::kReached);
  const auto again = digest.AdvanceTo(list, PcrAfter(made));
  EXPECT_EQ(again->reach, Reach::kAlreadyReached);
  EXPECT_EQ(again->consumed, 0U);
  EXPECT_EQ(digest.position().entries, 3U);

  RunningDigest fresh(AlgorithmId::kSha256);
  EXPECT_EQ(fresh.AdvanceTo(list, Bytes(32))->reach, Reach::kAlreadyReached)
      << "a TPM that IMA never extended";
}

TEST(Replay, I07_IsNeverReachedByAValueOfAnotherLength) {
  const std::vector<Made> made = ThreeFiles();
  const Bytes bytes = Listed(made);
  for (const Bytes& quoted : {Bytes{}, Bytes(20), Bytes(31), PcrAfter(made, AlgorithmId::kSha1)}) {
    RunningDigest digest(AlgorithmId::kSha256);
    EXPECT_EQ(digest.AdvanceTo(Parse(bytes), quoted)->reach, Reach::kNotReached);
  }
}

TEST(Replay, I08_GoesOnWhereTheLastRoundEnded) {
  const std::vector<Made> made = {File("/a", "a"), File("/b", "b"), File("/x", "x", 11),
                                  File("/c", "c"), File("/d", "d")};
  for (size_t split = 0; split <= made.size(); ++split) {
    const Bytes head = Listed({made.begin(), made.begin() + static_cast<ptrdiff_t>(split)});
    const Bytes tail = Listed({made.begin() + static_cast<ptrdiff_t>(split), made.end()});
    RunningDigest before(AlgorithmId::kSha256);
    ASSERT_TRUE(before.AdvanceTo(Parse(head), PcrAfter(made)));
    auto after = RunningDigest::Resume(AlgorithmId::kSha256, before.position());
    ASSERT_TRUE(after);
    const auto advance = after->AdvanceTo(Parse(tail), PcrAfter(made));
    EXPECT_EQ(advance->reach, split == made.size() ? Reach::kAlreadyReached : Reach::kReached);
    EXPECT_EQ(after->position().entries, made.size());
  }
}

// E41: another offset than the one that was kept, a list that was cut, one that begins anew.
TEST(Replay, I08_DoesNotReachTheValueFromAnotherPlaceInTheList) {
  std::vector<Made> made;
  for (int i = 0; i < 10; ++i) {
    made.push_back(File("/file" + std::to_string(i), std::to_string(i)));
  }
  const Bytes head = Listed({made.begin(), made.begin() + 3});
  RunningDigest kept(AlgorithmId::kSha256);
  ASSERT_TRUE(kept.AdvanceTo(Parse(head), PcrAfter(made)));
  const Position position = kept.position();
  for (const ptrdiff_t from : {0, 2, 4, 8}) {
    const Bytes chunk = Listed({made.begin() + from, made.end()});
    auto digest = RunningDigest::Resume(AlgorithmId::kSha256, position);
    ASSERT_TRUE(digest);
    EXPECT_EQ(digest->AdvanceTo(Parse(chunk), PcrAfter(made))->reach, Reach::kNotReached) << from;
  }
  const Bytes cut = Listed({made.begin() + 3, made.end() - 1});
  auto digest = RunningDigest::Resume(AlgorithmId::kSha256, position);
  EXPECT_EQ(digest->AdvanceTo(Parse(cut), PcrAfter(made))->reach, Reach::kNotReached);
}

TEST(Replay, I08_RefusesAPositionOfAnotherBank) {
  EXPECT_FALSE(RunningDigest::Resume(AlgorithmId::kSha256, {.entries = 3, .digest = Bytes(20)}));
  EXPECT_FALSE(RunningDigest::Resume(AlgorithmId::kSha256, {.entries = 3, .digest = {}}));
  const auto fresh = RunningDigest::Resume(AlgorithmId::kSha256, {});
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->position().digest, Bytes(32));
}

}  // namespace
}  // namespace plimsoll::ima
