#include <gmock/gmock.h>

#include <chrono>

#include "base/clock.h"
#include "cluster/enforcement/group.h"

namespace plimsoll::cluster {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

std::string ExceptionYaml(const std::string& name, const std::string& node, seconds duration) {
  return fmt::format(
      "apiVersion: plimsoll.dev/v1alpha1\nkind: AttestationException\nmetadata: {{name: {}}}\n"
      "spec: {{nodeNames: [{}], reason: INC-4711, expiresAt: \"{}\"}}\n",
      name, node, FormatTime(std::chrono::system_clock::now() + duration));
}

std::string Active(const std::string& name) {
  return Cluster()
      .Kubectl({"get", "aexc", name, "-o",
                "jsonpath={.status.conditions[?(@.type==\"Active\")].status}"})
      .out;
}

TEST(Exception, WithholdsTheTaintTellsTheTruthAndEndsByItself) {
  Group group("exception", 1);
  const std::string node = group[0].name();
  group.ApplyPolicy(/*wrong=*/true);
  group.AttestAll("Untrusted");
  ASSERT_TRUE(Eventually([&] { return TaintValue(node) == "PCRMismatch:NoSchedule"; }));

  const auto applied = Cluster().Apply(ExceptionYaml("inc", node, seconds(15)));
  ASSERT_TRUE(applied.ok()) << applied;
  EXPECT_TRUE(Eventually([&] { return TaintValue(node).empty(); }, seconds(10)));
  EXPECT_EQ(Label(node), "false");
  EXPECT_EQ(Summary(node), "Untrusted");
  EXPECT_TRUE(Eventually([&] { return WithheldBy(node) == "AttestationException/inc"; }));
  EXPECT_TRUE(Eventually([&] { return HasEvent(node, "EnforcementWithheld"); }));
  EXPECT_TRUE(Eventually([] { return Active("inc") == "True"; }));
  EXPECT_TRUE(Eventually([] { return LeaderMetric("plimsoll_exceptions_active") == 1; }));
  EXPECT_THAT(Cluster().Kubectl({"get", "aexc", "inc"}).out, HasSubstr("INC-4711"));

  EXPECT_TRUE(Eventually([&] { return TaintValue(node) == "PCRMismatch:NoSchedule"; }))
      << "nothing but time has changed";
  EXPECT_TRUE(Eventually([] { return Active("inc") == "False"; }));
  EXPECT_TRUE(Eventually([] { return LeaderMetric("plimsoll_exceptions_active") == 0; }));
}

}  // namespace
}  // namespace plimsoll::cluster
