#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "controller/ingest/bounded_cache.h"
#include "controller/ingest/challenge_store.h"
#include "controller/ingest/enrollment_store.h"
#include "crypto/random.h"
#include "fakes/fake_clock.h"

namespace plimsoll::controller::ingest {
namespace {

using std::chrono::seconds;

class Challenges : public ::testing::Test {
 protected:
  fakes::FakeClock clock;
  crypto::SystemRandom random;
  ChallengeStore store{clock, random};
};

TEST_F(Challenges, E26_F01_NoncesAndIdsOfManyNodesAreAllDistinctAnd32Bytes) {
  std::set<evidence::Nonce> nonces;
  std::set<std::string> ids;
  for (int i = 0; i < 100'000; ++i) {
    const auto issued = store.Issue("node-" + std::to_string(i % 5000), {});
    static_assert(sizeof(issued.nonce) == 32);
    nonces.insert(issued.nonce);
    ids.insert(issued.id);
  }
  EXPECT_EQ(nonces.size(), 100'000);
  EXPECT_EQ(ids.size(), 100'000);
  EXPECT_EQ(store.size(), 15'000) << "three of each node";
}

TEST_F(Challenges, E26_F01_AChallengeFromBeforeARestartIsNotKnownAfterIt) {
  const auto issued = store.Issue("node", {});
  ChallengeStore restarted(clock, random);
  EXPECT_FALSE(restarted.Take(issued.id, "node"));
}

TEST_F(Challenges, F01_CanBeAnsweredOnce) {
  const auto issued = store.Issue("node", {.identity = "ek-1", .attestation_key_name = "ak"});
  const auto taken = store.Take(issued.id, "node");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->identity, "ek-1");
  EXPECT_EQ(taken->nonce, issued.nonce);
  EXPECT_FALSE(store.Take(issued.id, "node"));
}

TEST_F(Challenges, F01_AreNobodyElsesToTake) {
  const auto issued = store.Issue("node", {});
  EXPECT_FALSE(store.Take(issued.id, "other"));
  EXPECT_TRUE(store.Take(issued.id, "node")) << "an attempt by another leaves it as it was";
}

TEST_F(Challenges, F01_RunOutAfter60Seconds) {
  const auto early = store.Issue("node", {});
  clock.Advance(seconds(30));
  const auto late = store.Issue("node", {});
  clock.Advance(seconds(29));
  EXPECT_TRUE(store.Take(early.id, "node"));
  const auto again = store.Issue("node", {});
  clock.Advance(seconds(31));
  EXPECT_FALSE(store.Take(late.id, "node"));
  EXPECT_TRUE(store.Take(again.id, "node"));
  EXPECT_EQ(store.size(), 0);
}

TEST_F(Challenges, SettingTheWallClockBackProlongsNothing) {
  const auto issued = store.Issue("node", {});
  clock.Advance(seconds(60));
  clock.SetWall(WallTime(seconds(1)));
  EXPECT_FALSE(store.Take(issued.id, "node"));
}

TEST_F(Challenges, AFourthDropsTheOldestOfThatNodeOnly) {
  const auto other = store.Issue("other", {});
  const auto first = store.Issue("node", {});
  const auto second = store.Issue("node", {});
  store.Issue("node", {});
  store.Issue("node", {});
  EXPECT_FALSE(store.Take(first.id, "node"));
  EXPECT_TRUE(store.Take(second.id, "node"));
  EXPECT_TRUE(store.Take(other.id, "other"));
}

TEST_F(Challenges, ForgettingANodeLeavesOthers) {
  const auto mine = store.Issue("node", {});
  const auto other = store.Issue("other", {});
  store.Forget("node");
  store.Forget("never seen");
  EXPECT_FALSE(store.Take(mine.id, "node"));
  EXPECT_TRUE(store.Take(other.id, "other"));
}

TEST_F(Challenges, StayBoundedOverAllNodes) {
  const auto oldest = store.Issue("node-0", {});
  for (size_t i = 1; i <= ChallengeStore::kMaxTotal; ++i) {
    store.Issue("node-" + std::to_string(i), {});
  }
  EXPECT_EQ(store.size(), ChallengeStore::kMaxTotal);
  EXPECT_FALSE(store.Take(oldest.id, "node-0"));
}

TEST_F(Challenges, OneThreadOfManyGetsIt) {
  const auto issued = store.Issue("node", {});
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&] { winners += store.Take(issued.id, "node") ? 1 : 0; });
    }
  }
  EXPECT_EQ(winners, 1);
}

class Enrollments : public ::testing::Test {
 protected:
  static identity::ProvenKey KeysOf(const std::string& node_uid) {
    return {.node_name = "worker-1",
            .node_uid = node_uid,
            .endorsement_key_sha256 = std::string(64, 'a'),
            .certificate = std::nullopt,
            .chain = {},
            .attestation_key_name = *tcg::Name::FromHex("000b" + std::string(64, '1')),
            .attestation_public = {},
            .profile = crypto::KeyProfile::kP256,
            .tpm = {}};
  }
  static Secret Bytes32(uint8_t value) { return Secret(Bytes(32, value)); }
  template <class T>
  static bool Is(const std::variant<EnrollmentStore::Unknown, EnrollmentStore::WrongAnswer,
                                    identity::ProvenKey>& answer) {
    return std::holds_alternative<T>(answer);
  }

  fakes::FakeClock clock;
  crypto::SystemRandom random;
  EnrollmentStore store{clock, random};
};

TEST_F(Enrollments, E21_M01_AWrongAnswerEndsItAndTheRightOneComesTooLate) {
  const std::string id = store.Put(KeysOf("node"), Bytes32(7));
  EXPECT_TRUE(Is<EnrollmentStore::WrongAnswer>(store.Answer(id, "node", Bytes32(8))));
  EXPECT_TRUE(Is<EnrollmentStore::Unknown>(store.Answer(id, "node", Bytes32(7))));
}

TEST_F(Enrollments, M01_ShortLongAndEmptyAnswersAreWrong) {
  for (const size_t size : {size_t{0}, size_t{31}, size_t{33}}) {
    const std::string id = store.Put(KeysOf("node"), Bytes32(7));
    EXPECT_TRUE(Is<EnrollmentStore::WrongAnswer>(store.Answer(id, "node", Secret(Bytes(size, 7)))));
  }
}

TEST_F(Enrollments, E22_M04_AnswersOfTwoSessionsDoNotFitEachOther) {
  const std::string one = store.Put(KeysOf("node"), Bytes32(1));
  const std::string two = store.Put(KeysOf("node"), Bytes32(2));
  EXPECT_TRUE(Is<EnrollmentStore::WrongAnswer>(store.Answer(one, "node", Bytes32(2))));
  EXPECT_TRUE(Is<EnrollmentStore::WrongAnswer>(store.Answer(two, "node", Bytes32(1))));
  EXPECT_EQ(store.size(), 0);
}

TEST_F(Enrollments, M01_AreAnsweredByTheirNodeOnceAndInTime) {
  const std::string id = store.Put(KeysOf("node"), Bytes32(7));
  EXPECT_TRUE(Is<EnrollmentStore::Unknown>(store.Answer(id, "other", Bytes32(7))));
  EXPECT_TRUE(Is<identity::ProvenKey>(store.Answer(id, "node", Bytes32(7))));
  EXPECT_TRUE(Is<EnrollmentStore::Unknown>(store.Answer(id, "node", Bytes32(7))));
  const std::string late = store.Put(KeysOf("node"), Bytes32(7));
  clock.Advance(seconds(60));
  EXPECT_TRUE(Is<EnrollmentStore::Unknown>(store.Answer(late, "node", Bytes32(7))));
}

TEST(BoundedCache, ForgetsWhatWasUsedLongestAgo) {
  BoundedCache<int> cache(2);
  cache.Put("a", 1);
  cache.Put("b", 2);
  EXPECT_EQ(cache.Get("a"), 1);
  cache.Put("c", 3);
  EXPECT_EQ(cache.Get("b"), std::nullopt);
  EXPECT_EQ(cache.Get("a"), 1);
  cache.Put("a", 4);
  EXPECT_EQ(cache.Get("a"), 4);
  cache.Erase("a");
  cache.Erase("never there");
  EXPECT_EQ(cache.Get("a"), std::nullopt);
  EXPECT_EQ(cache.size(), 1);
}

}  // namespace
}  // namespace plimsoll::controller::ingest
