#include "controller/enforce/taint_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "policy/compiled_policy.h"

namespace plimsoll::controller::enforce {
namespace {

using policy::TaintEffect;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kTime{std::chrono::seconds(1'795'507'200)};

std::shared_ptr<const policy::CompiledPolicy> PolicyOf(
    const std::string& name, const std::string& limit,
    TaintEffect effect = TaintEffect::kNoSchedule, int64_t generation = 1) {
  policy::AttestationPolicy spec;
  spec.meta = {
      .name = name, .uid = "uid-" + name, .generation = generation, .resource_version = {}};
  spec.mode = policy::Mode::kEnforce;
  spec.taint_effect = effect;
  spec.enforcement.max_untrusted = limit;
  return std::make_shared<const policy::CompiledPolicy>(
      policy::CompiledPolicy::Compile(std::move(spec), {}));
}

class Budget : public testing::Test {
 protected:
  Budget() {
    budget_.OnWake([this](const std::string& node) { woken_.push_back(node); });
  }

  void Select(const std::string& node,
              std::vector<std::shared_ptr<const policy::CompiledPolicy>> policies) {
    policies::NodePolicies selected;
    selected.policies = std::move(policies);
    budget_.Count(node, selected);
  }
  void SelectMany(int nodes, const std::shared_ptr<const policy::CompiledPolicy>& policy) {
    for (int i = 0; i < nodes; ++i) {
      Select("n" + std::to_string(i), {policy});
    }
  }
  bool Take(const std::string& node, Claim claim = Claim::kProven,
            std::vector<std::string> policies = {"uid-p"}, int since = 0) {
    return budget_
        .Take({.node = node,
               .claim = claim,
               .since = kTime + std::chrono::seconds(since),
               .policies = std::move(policies)})
        .granted;
  }

  TaintBudget budget_;
  std::vector<std::string> woken_;
};

TEST_F(Budget, WithoutALimitEveryNodeHasAPlace) {
  SelectMany(50, PolicyOf("p", ""));
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(Take("n" + std::to_string(i)));
  }
  EXPECT_THAT(budget_.Blocked(), IsEmpty());
}

TEST_F(Budget, ANumberIsTakenAsItIsAndAPercentageIsRoundedUpToAtLeastOne) {
  const auto places = [&](const std::string& limit, int nodes, TaintEffect effect) {
    budget_.Clear();
    SelectMany(nodes, PolicyOf("p", limit, effect));
    int granted = 0;
    for (int i = 0; i < nodes; ++i) {
      granted += Take("n" + std::to_string(i)) ? 1 : 0;
    }
    return granted;
  };
  EXPECT_EQ(places("3", 10, TaintEffect::kNoSchedule), 3);
  EXPECT_EQ(places("0", 10, TaintEffect::kNoSchedule), 0);
  EXPECT_EQ(places("25%", 10, TaintEffect::kNoSchedule), 3);
  EXPECT_EQ(places("25%", 8, TaintEffect::kNoSchedule), 2);
  EXPECT_EQ(places("1%", 10, TaintEffect::kNoSchedule), 1);
  EXPECT_EQ(places("100%", 10, TaintEffect::kNoSchedule), 10);
  EXPECT_EQ(places("", 10, TaintEffect::kNoExecute), 3) << "25% where Pods are evicted";
  EXPECT_EQ(places("60%", 10, TaintEffect::kNoExecute), 6);
}

TEST_F(Budget, WhoHasAPlaceKeepsItHoweverOftenItAsks) {
  SelectMany(3, PolicyOf("p", "1"));
  EXPECT_TRUE(Take("n1", Claim::kProven, {"uid-p"}, 5));
  EXPECT_FALSE(Take("n0", Claim::kProven, {"uid-p"}, 0)) << "though it failed earlier";
  EXPECT_TRUE(Take("n1", Claim::kProven, {"uid-p"}, 9));
  EXPECT_FALSE(Take("n0"));
  EXPECT_EQ(budget_.Blocked().at("p"), 1);
}

TEST_F(Budget, APlaceThatBecomesFreeIsToldToTheOneWhoHasWaitedLongest) {
  SelectMany(3, PolicyOf("p", "1"));
  EXPECT_TRUE(Take("n0"));
  EXPECT_FALSE(Take("n1", Claim::kProven, {"uid-p"}, 9));
  EXPECT_FALSE(Take("n2", Claim::kProven, {"uid-p"}, 3));
  woken_.clear();
  budget_.Release("n0");
  EXPECT_THAT(woken_, ElementsAre("n2"));
  EXPECT_TRUE(Take("n2"));
  EXPECT_EQ(budget_.Blocked().at("p"), 1);
  woken_.clear();
  budget_.Forget("n2");
  EXPECT_THAT(woken_, ElementsAre("n1"));
}

TEST_F(Budget, WhoHasWaitedLongerIsNotPassedByWhoAsksWhenAPlaceIsFree) {
  SelectMany(4, PolicyOf("p", "1"));
  EXPECT_TRUE(Take("n0"));
  EXPECT_FALSE(Take("n1", Claim::kProven, {"uid-p"}, 3));
  budget_.Release("n0");
  EXPECT_FALSE(Take("n2", Claim::kProven, {"uid-p"}, 5));
  EXPECT_TRUE(Take("n3", Claim::kProven, {"uid-p"}, 1)) << "it has failed for longer";
  budget_.Release("n3");
  EXPECT_TRUE(Take("n1", Claim::kProven, {"uid-p"}, 3));
}

TEST_F(Budget, WhoGivesUpItsTurnWakesTheNext) {
  SelectMany(3, PolicyOf("p", "1"));
  EXPECT_TRUE(Take("n0"));
  EXPECT_FALSE(Take("n1", Claim::kProven, {"uid-p"}, 1));
  EXPECT_FALSE(Take("n2", Claim::kProven, {"uid-p"}, 2));
  budget_.Release("n0");
  woken_.clear();
  budget_.Release("n1");  // Trusted again before its turn came
  EXPECT_THAT(woken_, ElementsAre("n2"));
  EXPECT_TRUE(Take("n2", Claim::kProven, {"uid-p"}, 2));
}

TEST_F(Budget, AProvenFailureTakesThePlaceOfAnUnknownNodeAndNeverTheOtherWayRound) {
  SelectMany(4, PolicyOf("p", "2"));
  EXPECT_TRUE(Take("n0", Claim::kUnknown));
  EXPECT_TRUE(Take("n1", Claim::kUnknown));
  EXPECT_FALSE(Take("n2", Claim::kUnknown));
  woken_.clear();
  EXPECT_TRUE(Take("n3", Claim::kProven));
  EXPECT_THAT(woken_, ElementsAre("n1")) << "who came last goes first";
  EXPECT_FALSE(Take("n1", Claim::kUnknown));
  EXPECT_TRUE(Take("n0", Claim::kUnknown));
  EXPECT_EQ(budget_.Blocked().at("p"), 2);
}

TEST_F(Budget, AnUnknownNodeDoesNotSlipInBeforeAProvenFailureThatWaits) {
  SelectMany(3, PolicyOf("p", "1"));
  EXPECT_TRUE(Take("n0"));
  EXPECT_FALSE(Take("n1", Claim::kProven));
  budget_.Release("n0");
  EXPECT_FALSE(Take("n2", Claim::kUnknown));
  EXPECT_TRUE(Take("n1", Claim::kProven));
}

TEST_F(Budget, ANodeNeedsAPlaceInEveryPolicyThatAsksAndTakesNoneElse) {
  const auto wide = PolicyOf("p", "2");
  const auto narrow = PolicyOf("q", "1");
  for (const char* node : {"a", "b", "c"}) {
    Select(node, {wide, narrow});
  }
  EXPECT_TRUE(Take("a", Claim::kProven, {"uid-q"}));
  EXPECT_FALSE(Take("b", Claim::kProven, {"uid-p", "uid-q"}));
  EXPECT_EQ(budget_.Blocked().at("p"), 0) << "p has room for it";
  EXPECT_EQ(budget_.Blocked().at("q"), 1);
  EXPECT_TRUE(Take("c", Claim::kProven, {"uid-p"}));
  EXPECT_TRUE(Take("d", Claim::kProven, {"uid-p"})) << "b has taken no place of p";
}

TEST_F(Budget, ALowerLimitTakesPlacesFromThoseWhoCameLast) {
  SelectMany(4, PolicyOf("p", "4"));
  for (const char* node : {"n2", "n0", "n3", "n1"}) {
    EXPECT_TRUE(Take(node));
  }
  SelectMany(4, PolicyOf("p", "2", TaintEffect::kNoSchedule, 2));
  std::vector<std::string> kept;
  for (const char* node : {"n0", "n1", "n2", "n3"}) {
    if (Take(node, Claim::kProven)) {
      kept.push_back(node);
    }
  }
  EXPECT_THAT(kept, ElementsAre("n0", "n2"));
}

TEST_F(Budget, TheLimitOfTheNewestGenerationCountsAlsoForNodesThatAnOlderOneJudges) {
  Select("n0", {PolicyOf("p", "1", TaintEffect::kNoSchedule, 2)});
  Select("n1", {PolicyOf("p", "5", TaintEffect::kNoSchedule, 1)});
  EXPECT_TRUE(Take("n0"));
  EXPECT_FALSE(Take("n1"));
}

TEST_F(Budget, ANewLeaderThatReadsTheTaintsGivesTheSamePlaces) {
  SelectMany(5, PolicyOf("p", "2"));
  EXPECT_TRUE(Take("n3"));
  EXPECT_TRUE(Take("n4"));
  EXPECT_FALSE(Take("n0"));
  budget_.Clear();
  SelectMany(5, PolicyOf("p", "2"));
  EXPECT_TRUE(Take("n4", Claim::kProven));
  EXPECT_TRUE(Take("n3", Claim::kProven));
  EXPECT_FALSE(Take("n0"));
  EXPECT_TRUE(Take("n3", Claim::kProven));
}

TEST_F(Budget, OfTwoThreadsThatAskForTheLastPlaceOneGetsIt) {
  for (int round = 0; round < 200; ++round) {
    budget_.Clear();
    budget_.OnWake({});
    SelectMany(8, PolicyOf("p", "3"));
    std::atomic<int> granted = 0;
    const auto ask = [&](int first) {
      for (int i = first; i < 8; i += 2) {
        granted += Take("n" + std::to_string(i)) ? 1 : 0;
      }
    };
    {
      std::jthread other(ask, 0);
      ask(1);
    }
    ASSERT_EQ(granted, 3);
  }
}

}  // namespace
}  // namespace plimsoll::controller::enforce
