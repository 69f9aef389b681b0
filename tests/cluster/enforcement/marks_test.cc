#include <gmock/gmock.h>

#include <chrono>
#include <random>

#include "cluster/enforcement/group.h"
#include "cluster/kube/connected.h"
#include "controller/enforce/mark_writer.h"
#include "kube/events.h"
#include "unit/controller/enforce/recording.h"

namespace plimsoll::cluster {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TEST(Marks, TwoHundredFlipsAmongForeignTaintsLoseNone) {
  using namespace controller::enforce;  // NOLINT: the words of one test
  Deployment::Get();  // brings the ServiceAccount, whose rights and admission policies hold here
  Deployment::Get().StopAll();  // a leader of its own would have another opinion of the Node
  const std::string uid = Cluster().CreateNode("flips");
  kube::Connected connected(Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-controller"));
  kube::Connected somebody;
  controller::QuietLogger logger;
  controller::CountingMetrics metrics;
  kube::EventRecorder events(*connected.client, connected.clock, {.reporting_instance = "test"});
  MarkWriter writer(*connected.client, NodeEvents(events), connected.clock, metrics, logger,
                    MarkNames(), [] { return true; });
  std::mt19937 random(5);
  const auto below = [&](size_t n) { return random() % n; };
  json foreign = json::array();
  const auto without_ours = [](const json& taints) {
    json others = json::array();
    for (const json& taint : taints) {
      if (taint["key"] != MarkNames().taint) {
        others.push_back(taint);
      }
    }
    return others;
  };
  const auto live = [&] {
    const auto text = connected.client->Get({kube::kNode, "flips"});
    EXPECT_TRUE(text);
    return json::parse(text.value_or("{}"));
  };
  foreign = without_ours(live()["spec"].value("taints", json::array()));
  // Another controller with the API's own verbs: reads, changes its taints, and writes.
  const auto meddle = [&] {
    json node = live();
    json taints = node["spec"].value("taints", json::array());
    if (below(2) == 0 && !foreign.empty()) {
      const json gone = foreign[below(foreign.size())];
      taints.erase(std::find(taints.begin(), taints.end(), gone));
    } else if (foreign.size() < 6) {
      const json taint = {
          {"key", "other/" + std::to_string(random())}, {"value", "v"}, {"effect", "NoSchedule"}};
      taints.insert(taints.begin() + static_cast<long>(below(taints.size() + 1)), taint);
    }
    const json patch = {{"metadata", {{"resourceVersion", node["metadata"]["resourceVersion"]}}},
                        {"spec", {{"taints", taints}}}};
    const auto patched =
        somebody.client->Patch({kube::kNode, "flips"}, kube::PatchType::kMerge, patch.dump());
    ASSERT_TRUE(patched) << patched.error().message;
    foreign = without_ours(taints);
  };
  const auto marks = [](Row row, const std::string& label, const std::string& taint) {
    DesiredMarks wanted;
    wanted.row = row;
    wanted.label = label;
    if (!taint.empty()) {
      wanted.taints = {{MarkNames().taint, taint, "NoSchedule", ""}};
    }
    wanted.condition.type = MarkNames().condition;
    wanted.condition.reason = "Test";
    return wanted;
  };
  const std::vector<DesiredMarks> states = {marks(Row::kTrusted, "true", ""),
                                            marks(Row::kUntrusted, "false", "PCRMismatch"),
                                            marks(Row::kWasTrusted, "unknown", "EvidenceExpired")};
  for (int flip = 0; flip < 200; ++flip) {
    const DesiredMarks& wanted = states[below(states.size())];
    bool meddled = false;
    const auto cached = controller::Node::Parse(live().dump());
    ASSERT_TRUE(cached);
    const auto outcome =
        writer.Apply(*cached, {"flips", uid, ""}, {}, [&](const controller::Node&) {
          // Between what was read and what is written, so that some writes meet a conflict.
          if (!meddled && below(3) == 0) {
            meddled = true;
            meddle();
          }
          return Result<DesiredMarks>(wanted);
        });
    ASSERT_TRUE(outcome) << "flip " << flip << ": " << outcome.error().message;
    const json node = live();
    ASSERT_EQ(without_ours(node["spec"].value("taints", json::array())), foreign)
        << "flip " << flip;
    const auto now = controller::Node::Parse(node.dump());
    ASSERT_TRUE(MissingMarks(*now, wanted, {}).empty()) << "flip " << flip;
  }
  EXPECT_GT(metrics.actions["label/conflict"] + metrics.actions["taint/conflict"] +
                metrics.actions["untaint/conflict"] + metrics.actions["condition/conflict"],
            5)
      << "the other controller was never in the way";
  Cluster().Kubectl({"delete", "node", "flips"});
  Deployment::Get().StartAll();
}

class MarksOfADeployment : public testing::Test {
 protected:
  // One Trusted node, under a leader with these flags.
  static Group& TrustedNode() {
    static auto* group = [] {
      auto* made = new Group("marks", 1);
      made->ApplyPolicy();
      return made;
    }();
    group->AttestAll("Trusted");
    EXPECT_TRUE(Eventually([] { return Label("marks-0") == "true"; }));
    return *group;
  }
};

TEST_F(MarksOfADeployment, E47_WhatSomeoneElseChangesIsPutBackAtOnceWithAnEvent) {
  Deployment::Get();
  // Without the admission policy, as on a cluster where someone has removed it.
  Cluster().InstallChart(
      "protection: {enabled: false}\ncontroller:\n  defaultIntervalSeconds: 10\n");
  TrustedNode();
  const auto change = [](const std::vector<std::string>& arguments) {
    const auto changed = Cluster().Kubectl(arguments);
    EXPECT_TRUE(changed.ok()) << changed;
  };
  change({"label", "node", "marks-0", "--overwrite", std::string(kTrustLabel) + "=false"});
  EXPECT_TRUE(Eventually([] { return Label("marks-0") == "true"; }, std::chrono::seconds(5)));
  change({"taint", "node", "marks-0", "plimsoll.dev/untrusted=Mine:NoSchedule"});
  EXPECT_TRUE(Eventually([] { return TaintValue("marks-0").empty(); }, std::chrono::seconds(5)));
  change({"label", "node", "marks-0", std::string(kTrustLabel) + "-"});
  EXPECT_TRUE(Eventually([] { return Label("marks-0") == "true"; }, std::chrono::seconds(5)));
  const auto lied = Cluster().Kubectl(
      {"patch", "node", "marks-0", "--subresource=status", "--type=strategic", "-p",
       R"({"status":{"conditions":[{"type":"plimsoll.dev/Trusted","status":"False","reason":"Lie","message":""}]}})"});
  EXPECT_TRUE(lied.ok()) << lied;
  EXPECT_TRUE(
      Eventually([] { return NodeCondition("marks-0") == "True"; }, std::chrono::seconds(5)));
  EXPECT_TRUE(Eventually([] { return HasEvent("marks-0", "MarksRestored"); }));
  Cluster().InstallChart("controller:\n  defaultIntervalSeconds: 10\n");
}

TEST_F(MarksOfADeployment, TheOptionalLabelAndTheSwitchesOfTaintAndCondition) {
  Deployment& deployment = Deployment::Get();
  Group& group = TrustedNode();
  deployment.StopAll();
  const auto until = [] {
    const json node = GetObject("node", "marks-0");
    return node["metadata"]["labels"].value(
        "plimsoll.dev.node-restriction.kubernetes.io/trusted-until", "");
  };
  EXPECT_EQ(until(), "");
  {
    Replica replica("marks-alone", {"--trusted-until=true", "--node-condition-enabled=false",
                                    "--taint-enabled=false"});
    ASSERT_TRUE(
        Eventually([&] { return replica.Ready() && replica.Leads(); }, std::chrono::seconds(40)))
        << replica.Log();
    group[0].Connect(replica.address(), deployment.ca_pem());
    EXPECT_EQ(group[0].Attest().verdict, "Trusted");
    EXPECT_TRUE(Eventually([&] { return !until().empty(); }));
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    EXPECT_GT(std::stoll(until()), now - 5);
    EXPECT_LE(std::stoll(until()), now + 30) << "the policy's expireSeconds";
    EXPECT_TRUE(Eventually([] { return NodeCondition("marks-0").empty(); }))
        << "the condition that was there goes";
    group.ApplyPolicy(/*wrong=*/true);
    EXPECT_TRUE(Eventually([] { return Label("marks-0") == "false"; }));
    EXPECT_TRUE(Eventually([&] { return until().empty(); }));
    EXPECT_EQ(TaintValue("marks-0"), "");
    EXPECT_THAT(replica.Log(), Not(HasSubstr("\"level\":\"error\"")));
    replica.process().Stop();
  }
  deployment.StartAll();
  ASSERT_NE(deployment.Leader(), nullptr);
  EXPECT_TRUE(Eventually([] { return TaintValue("marks-0") == "PCRMismatch:NoSchedule"; }));
  EXPECT_TRUE(Eventually([] { return NodeCondition("marks-0") == "False"; }));
}

}  // namespace
}  // namespace plimsoll::cluster
