#include <gmock/gmock.h>

#include "cluster/enforcement/group.h"

namespace plimsoll::cluster {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

std::string Progressing() {
  return Cluster()
      .Kubectl({"get", "apol", "rollout", "-o",
                "jsonpath={.status.conditions[?(@.type==\"Progressing\")].reason}"})
      .out;
}

size_t Revisions() {
  const std::string names =
      Cluster()
          .Kubectl({"get", "controllerrevisions", "-n", std::string(kNamespace), "-l",
                    "plimsoll.dev/policy-uid=" +
                        GetObject("apol", "rollout")["metadata"]["uid"].get<std::string>(),
                    "-o", "name"})
          .out;
  return static_cast<size_t>(std::count(names.begin(), names.end(), '\n'));
}

TEST(Rollout, AWrongPolicyFailsInItsShareHaltsAndLeavesTheOthersAtTheLastGoodGeneration) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  Group group("rollout", 4);
  for (const char* node : {"rollout-0", "rollout-1"}) {
    ASSERT_TRUE(Cluster().Kubectl({"label", "node", node, "stage=first"}).ok());
  }
  const auto apply = [&](bool wrong, const std::string& rollout) {
    std::vector<std::string> pcrs = group[0].Pcrs();
    if (wrong) {
      pcrs[4] = kWrongDigest;
    }
    std::string yaml = PolicyYaml("rollout", "rollout", pcrs, rollout);
    const std::string from = "expireSeconds: 30";
    yaml.replace(yaml.find(from), from.size(), "expireSeconds: 600");
    const auto applied = Cluster().Apply(yaml);
    EXPECT_TRUE(applied.ok()) << applied;
  };
  apply(false, "");
  group.AttestAll("Trusted");
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("true"); }));
  ASSERT_TRUE(Eventually([] { return Revisions() == 1; }, seconds(30)));

  const std::string first = "  rollout: {percent: 100, selector: {matchLabels: {stage: first}}}\n";
  apply(true, first);
  ASSERT_TRUE(
      Eventually([] { return Label("rollout-0") == "false" && Label("rollout-1") == "false"; }));
  ASSERT_TRUE(Eventually([] { return Progressing() == "HaltedByFailures"; }, seconds(30)));
  EXPECT_TRUE(Eventually(
      [] { return LeaderMetric(R"(plimsoll_policy_rollout_halted{policy="rollout"})") == 1; }));
  EXPECT_THAT(Cluster().Kubectl({"describe", "apol", "rollout"}).out, HasSubstr("RolloutHalted"));
  EXPECT_EQ(Label("rollout-2"), "true");
  EXPECT_EQ(Label("rollout-3"), "true");

  // By new evidence, and under another leader, they are judged by the same.
  Replica* leader = deployment.Leader();
  ASSERT_NE(leader, nullptr);
  leader->process().Kill();
  ASSERT_NE(deployment.Leader(), nullptr);
  deployment.Replace(leader);
  for (const size_t i : {2, 3}) {
    group.Connect(i);
    EXPECT_EQ(group[i].Attest().verdict, "Trusted");
  }
  EXPECT_EQ(group.CountLabels("true"), 2U);
  EXPECT_EQ(Progressing(), "HaltedByFailures");
  EXPECT_EQ(Revisions(), 1U);

  apply(false, first);
  EXPECT_TRUE(Eventually([&] { return group.AllLabelled("true"); }, seconds(40)));
  EXPECT_TRUE(Eventually([] { return Progressing() == "Complete"; }, seconds(30)));
  EXPECT_TRUE(Eventually(
      [] { return LeaderMetric(R"(plimsoll_policy_rollout_halted{policy="rollout"})") == 0; }));
}

}  // namespace
}  // namespace plimsoll::cluster
