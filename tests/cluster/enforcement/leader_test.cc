#include <gmock/gmock.h>

#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "cluster/enforcement/group.h"

namespace plimsoll::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

size_t Count(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Leader, ALeaderThatWasPausedForAMinuteWritesNothingWhenItWakes) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  Group group("paused", 2);
  group.ApplyPolicy();
  group.AttestAll("Trusted");
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("true"); }));
  Replica* leader = deployment.Leader();
  ASSERT_NE(leader, nullptr);
  leader->process().Pause();
  const auto paused_at = std::chrono::steady_clock::now();
  Replica* next = nullptr;
  ASSERT_TRUE(Eventually(
      [&] {
        for (size_t i = 0; i < 2; ++i) {
          next = &deployment.replica(i) != leader && deployment.replica(i).Leads()
                     ? &deployment.replica(i)
                     : next;
        }
        return next != nullptr;
      },
      seconds(40)));
  // What the paused one would want to write about, when it wakes.
  for (size_t i = 0; i < group.size(); ++i) {
    group[i].Connect(next->address(), deployment.ca_pem());
    group[i].tpm().Extend(tcg::AlgorithmId::kSha256, 0, Bytes(32, 0x66));
    EXPECT_EQ(group[i].Attest().verdict, "Untrusted");
  }
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("false"); }));
  ASSERT_TRUE(Eventually([&] { return group.Tainted().size() == 2; }));
  std::this_thread::sleep_until(paused_at + seconds(60));  // the pause itself, not a wait

  const size_t written = Count(leader->Log(), "mark written");
  const std::string version =
      GetObject("node", group[0].name())["metadata"]["resourceVersion"].get<std::string>();
  leader->process().Resume();
  EXPECT_TRUE(Eventually([&] { return !leader->process().running(); }, seconds(30)));
  EXPECT_EQ(leader->process().Stop(), 4) << "leadership lost";
  EXPECT_EQ(Count(leader->Log(), "mark written"), written) << leader->Log();
  EXPECT_EQ(GetObject("node", group[0].name())["metadata"]["resourceVersion"].get<std::string>(),
            version);
  EXPECT_TRUE(group.AllLabelled("false"));
  deployment.Replace(leader);
}

TEST(Leader, E52_KilledInTheMiddleOfMarkingLosesNothingAndNeverShowsAnOldTrust) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  Group group("killed", 8, "  freshness: {intervalSeconds: 60, expireSeconds: 600}\n");
  const auto policy = [&](bool wrong) {
    // PolicyYaml has a freshness of its own, which is too short for this test.
    std::vector<std::string> pcrs = group[0].Pcrs();
    if (wrong) {
      pcrs[4] = kWrongDigest;
    }
    std::string yaml = PolicyYaml("killed", "killed", pcrs);
    const std::string from = "expireSeconds: 30";
    yaml.replace(yaml.find(from), from.size(), "expireSeconds: 600");
    const auto applied = Cluster().Apply(yaml);
    EXPECT_TRUE(applied.ok()) << applied;
  };
  policy(false);
  group.AttestAll("Trusted");
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("true"); }));
  // Everything that the Nodes ever showed, in order.
  Process watch({Cluster().directory() + "/bin/kubectl", "--kubeconfig", Cluster().kubeconfig(),
                 "get", "nodes", "-l", "plimsoll-test=killed", "--watch", "--no-headers", "-L",
                 std::string(kTrustLabel)},
                Cluster().directory() + "/killed-watch.log");
  std::mt19937 random(3);
  for (int round = 0; round < 4; ++round) {
    Replica* leader = deployment.Leader();
    ASSERT_NE(leader, nullptr);
    policy(/*wrong=*/true);
    // Some marks are written by now, some are not.
    EXPECT_TRUE(Eventually([&] { return group.CountLabels("false") > 0; }));
    std::this_thread::sleep_for(milliseconds(random() % 40));
    leader->process().Kill();
    ASSERT_NE(deployment.Leader(), nullptr) << "no replica has taken over";
    EXPECT_TRUE(Eventually([&] { return group.AllLabelled("false"); }, seconds(60)));
    EXPECT_TRUE(Eventually([&] { return group.Tainted().size() == group.size(); }, seconds(60)));
    deployment.Replace(leader);
    std::string shown;
    {
      std::ifstream file(watch.log_path());
      std::ostringstream text;
      text << file.rdbuf();
      shown = text.str();
    }
    for (size_t i = 0; i < group.size(); ++i) {
      EXPECT_EQ(Summary(group[i].name()), "Untrusted") << "no verdict is lost";
      std::istringstream lines(shown);
      std::string line;
      std::string labels;
      while (std::getline(lines, line)) {
        if (line.starts_with(group[i].name() + " ")) {
          const std::string label = line.substr(line.find_last_not_of(' ') - 3, 4);
          labels += label == "true" ? 'T' : label == "alse" ? 'f' : 'u';
        }
      }
      // Each round trust is lost once, and comes back only when the policy is right again.
      labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
      EXPECT_EQ(Count(labels, "f"), static_cast<size_t>(round) + 1) << labels;
      EXPECT_EQ(labels.back(), 'f') << labels;
    }
    policy(/*wrong=*/false);
    EXPECT_TRUE(Eventually([&] { return group.AllLabelled("true"); }, seconds(60)));
  }
  watch.Kill();
}

TEST(Leader, AfterAFullOutageNodesWithStartupTaintsComeBackWithoutAnyClusterDns) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  Group group("outage", 3);
  group.ApplyPolicy();
  deployment.StopAll();
  // Every machine boots: its kubelet makes the Node anew, with the startup taint.
  for (size_t i = 0; i < group.size(); ++i) {
    const std::string& name = group[i].name();
    ASSERT_TRUE(Cluster().Kubectl({"delete", "node", name}).ok());
    Cluster().CreateNode(name, "{plimsoll-test: outage}",
                         "spec: {taints: [{key: plimsoll.dev/untrusted, value: Pending, effect: "
                         "NoSchedule}]}");
    group[i].set_token(
        Cluster().CreateServiceAccountToken(kNamespace, "plimsoll-agent", "agent-" + name, name));
  }
  deployment.StartAll();
  ASSERT_NE(deployment.Leader(), nullptr);
  EXPECT_EQ(group.Tainted().size(), group.size()) << "nothing is released before it has attested";
  // Agents know the address of the Service and check the name in the certificate: no name is ever
  // looked up.
  for (size_t i = 0; i < group.size(); ++i) {
    group.Connect(i);
    EXPECT_TRUE(Eventually([&] { return group[i].Enroll().status == 200; })) << i;
  }
  group.AttestAll("Trusted");
  EXPECT_TRUE(Eventually([&] { return group.Tainted().empty(); }));
  EXPECT_TRUE(group.AllLabelled("true"));
}

TEST(Leader, NothingIsEverDrainedEvictedOrDeletedOfNodesAndPods) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  Group group("audited", 2, "  enforcement: {taint: {effect: NoExecute}, maxUntrusted: 2}\n");
  group.ApplyPolicy();
  group.AttestAll("Trusted");
  ASSERT_TRUE(Eventually([&] { return group.AllLabelled("true"); }));
  group.ApplyPolicy(/*wrong=*/true);
  ASSERT_TRUE(Eventually([&] { return group.Tainted().size() == 2; }));
  group.ApplyPolicy();
  group.AttestAll("Trusted");
  ASSERT_TRUE(Eventually([&] { return group.Tainted().empty(); }));
  for (size_t i = 0; i < 2; ++i) {
    std::istringstream lines(deployment.replica(i).Metrics());
    std::string line;
    size_t seen = 0;
    while (std::getline(lines, line)) {
      if (!line.starts_with("plimsoll_kube_requests_total{")) {
        continue;
      }
      ++seen;
      const bool of_nodes = line.find("resource=\"nodes\"") != std::string::npos;
      EXPECT_FALSE(of_nodes && line.find("verb=\"DELETE\"") != std::string::npos) << line;
      EXPECT_THAT(line, Not(HasSubstr("resource=\"pods\"")));
      EXPECT_THAT(line, Not(HasSubstr("eviction")));
    }
    EXPECT_GT(seen, 0U);
  }
  const std::string account = Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-controller");
  for (const char* resource : {"nodes", "pods"}) {
    EXPECT_FALSE(Cluster().KubectlAs(account, {"auth", "can-i", "delete", resource, "-A"}).ok());
  }
  EXPECT_FALSE(
      Cluster().KubectlAs(account, {"auth", "can-i", "create", "pods/eviction", "-A"}).ok());
}

}  // namespace
}  // namespace plimsoll::cluster
