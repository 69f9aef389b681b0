#include <gmock/gmock.h>

#include "cluster/enforcement/group.h"

namespace plimsoll::cluster {
namespace {

TEST(Budget, APolicyThatIsWrongForAllTaintsNoMoreThanItMayAndAnotherLeaderTheSame) {
  Deployment& deployment = Deployment::Get();
  Group group("budget", 6, "  enforcement: {maxUntrusted: 2}\n");
  group.ApplyPolicy();
  group.AttestAll("Trusted");
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("true"); }));

  group.ApplyPolicy(/*wrong=*/true);
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("false"); }));
  ASSERT_TRUE(Eventually([&] { return group.Tainted().size() == 2; }));
  const std::set<std::string> tainted = group.Tainted();
  EXPECT_TRUE(Eventually(
      [] { return LeaderMetric(R"(plimsoll_enforcement_blocked{policy="budget"})") == 4; }));
  for (size_t i = 0; i < group.size(); ++i) {
    const std::string& name = group[i].name();
    EXPECT_TRUE(Eventually([&] {
      return WithheldBy(name) == (tainted.count(name) != 0 ? "" : "BudgetExceeded");
    })) << name;
    if (tainted.count(name) == 0) {
      EXPECT_TRUE(Eventually([&] { return HasEvent(name, "EnforcementWithheld"); }));
    }
  }

  Replica* leader = deployment.Leader();
  ASSERT_NE(leader, nullptr);
  leader->process().Kill();
  ASSERT_NE(deployment.Leader(), nullptr);
  deployment.Replace(leader);
  EXPECT_TRUE(Eventually(
      [] { return LeaderMetric(R"(plimsoll_enforcement_blocked{policy="budget"})") == 4; }));
  EXPECT_FALSE(Eventually([&] { return group.Tainted() != tainted; }, std::chrono::seconds(3)));

  group.ApplyPolicy();
  EXPECT_TRUE(Eventually([&] { return group.Tainted().empty(); }));
  // What was judged is too old by now to be judged again, so new evidence is needed.
  group.AttestAll("Trusted");
  EXPECT_TRUE(Eventually([&] { return group.AllLabelled("true"); }));
  EXPECT_TRUE(Eventually(
      [] { return LeaderMetric(R"(plimsoll_enforcement_blocked{policy="budget"})") == 0; }));
}

}  // namespace
}  // namespace plimsoll::cluster
