#include "controller/policies/rollout.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/encoding.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "controller/policies/rollout_keeper.h"
#include "fakes/api_objects.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "fakes/policy_picture.h"
#include "fakes/recording_logger.h"
#include "kube/events.h"

namespace plimsoll::controller::policies {
namespace {

using fakes::ApiLookup;
using fakes::json;
using fakes::kBadDigest;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;

const std::string kNamespace = "plimsoll-system";

class RolloutTest : public testing::Test {
 protected:
  // Nodes with label pool=a (even ones) or b.
  void AddNodes(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      server_.Put({kube::kNode, Name(i)}, fakes::NodeObject({{"pool", i % 2 == 0 ? "a" : "b"}}));
    }
  }
  static std::string Name(size_t i) { return fmt::format("n{}", i); }
  Node NodeOf(size_t i) { return *nodes_.Get(Name(i)); }

  void PutPolicy(const json& rollout = json(), const std::string& digest = kGoodDigest) {
    json policy = PolicyObjectJson("Enforce", digest);
    if (!rollout.is_null()) {
      policy["spec"]["rollout"] = rollout;
    }
    server_.Put({kube::kAttestationPolicy, "p"}, policy);
  }
  void Edit(const std::function<void(json&)>& change) {
    server_.Edit({kube::kAttestationPolicy, "p"}, [&](json& object) { change(object["spec"]); });
  }
  std::shared_ptr<const PolicyObject> Policy() { return world_.policies.Get("p"); }

  // What evidence with that PCR 4 leaves, judged by what the picture says.
  void Judge(size_t i, const std::string& digest) {
    const Node node = NodeOf(i);
    const NodePolicies judged_by = picture_.For(node);
    NodeAttestation attestation;
    attestation.meta.name = Name(i);
    attestation.status.node_uid = node.meta.uid;
    Set(attestation.status.conditions,
        {.type = "EvidenceFresh", .status = ConditionStatus::kTrue, .reason = "Verified"},
        clock_.Wall());
    for (const auto& policy : judged_by.policies) {
      const bool passes = ToHex(policy->spec().pcrs[0].any_of[0]) == digest;
      attestation.status.policies.push_back({.name = policy->meta().name,
                                             .uid = policy->meta().uid,
                                             .observed_generation = policy->meta().generation,
                                             .mode = "Enforce",
                                             .result = passes ? "Pass" : "Fail",
                                             .reason = passes ? "AllPoliciesPassed" : "PCRMismatch",
                                             .judged_time = {},
                                             .violations = {}});
    }
    json object = json::parse(attestation.EncodeForStatusUpdate());
    object["metadata"] = {{"name", Name(i)}};
    server_.Put({kube::kNodeAttestation, Name(i)}, object);
  }
  void JudgeAll(const std::string& digest) {
    for (size_t i = 0; i < nodes_.List().size(); ++i) {
      Judge(i, digest);
    }
  }

  // As the leader does every few seconds: revisions, then the condition.
  void Period() {
    keeper_.Update();
    const auto policy = Policy();
    Condition condition = ProgressingCondition(*policy, Progress());
    condition.observed_generation = policy->meta.generation;
    Conditions conditions = policy->conditions;
    Set(conditions, condition, clock_.Wall());
    server_.Edit({kube::kAttestationPolicy, "p"},
                 [&](json& object) { object["status"]["conditions"] = ToJson(conditions); });
  }
  RolloutProgress Progress() {
    return ProgressOf(*Policy(), rollouts_, nodes_.List(), attestations_);
  }
  size_t Revisions() { return server_.All(kube::kControllerRevision).size(); }
  bool HasEvent(const std::string& reason) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      for (const json& event : server_.All(kube::kEvent)) {
        if (event["reason"] == reason) {
          return true;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  // The PCR value by which the node is judged.
  std::string JudgedBy(size_t i) {
    const NodePolicies policies = picture_.For(NodeOf(i));
    return policies.policies.empty() ? "nothing"
                                     : ToHex(policies.policies[0]->spec().pcrs[0].any_of[0]);
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  fakes::RecordingLogger logger_;
  kube::Client client_{server_, clock_};
  kube::EventRecorder events_{client_, clock_, {.reporting_instance = "test"}};
  fakes::PolicyPicture world_{server_, client_, clock_};
  ApiLookup<Node> nodes_{server_, kube::kNode};
  ApiLookup<NodeAttestation> attestations_{server_, kube::kNodeAttestation};
  ApiLookup<PolicyRevision> revisions_{server_, kube::kControllerRevision};
  Rollouts rollouts_{revisions_};
  Picture picture_{{.policies = world_.policies,
                    .references = world_.resolved,
                    .clock = clock_,
                    .rollouts = &rollouts_},
                   {}};
  bool may_write_ = true;
  RolloutKeeper keeper_{client_,
                        {.rollouts = rollouts_,
                         .policies = world_.policies,
                         .nodes = nodes_,
                         .attestations = attestations_},
                        events_,
                        logger_,
                        kNamespace,
                        [this] { return may_write_; }};
};

json Percent(int percent, int failures = 1) {
  return {{"percent", percent}, {"haltAfterFailures", failures}};
}
json Selected(const std::string& pool) {
  return {{"percent", 100}, {"selector", {{"matchLabels", {{"pool", pool}}}}}};
}

TEST_F(RolloutTest, AShareIsAStablePartOfTheNodesThatOnlyGrows) {
  int in_ten = 0;
  for (int i = 0; i < 1'000; ++i) {
    Node node;
    node.meta.uid = fmt::format("uid-{}", i);
    policy::RolloutRule rule;
    rule.percent = 10;
    const bool ten = IsInShare(rule, "p", node);
    EXPECT_EQ(ten, IsInShare(rule, "p", node));
    in_ten += ten ? 1 : 0;
    rule.percent = 40;
    EXPECT_TRUE(!ten || IsInShare(rule, "p", node)) << "a larger share keeps whom it had";
    rule.percent = 100;
    EXPECT_TRUE(IsInShare(rule, "p", node));
    rule.percent = 0;
    EXPECT_FALSE(IsInShare(rule, "p", node));
  }
  EXPECT_GT(in_ten, 70);
  EXPECT_LT(in_ten, 130);
}

TEST_F(RolloutTest, WithoutAGenerationThatWasGoodBeforeThePolicyAppliesEverywhere) {
  AddNodes(4);
  PutPolicy(Selected("a"));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(JudgedBy(i), kGoodDigest);
  }
  EXPECT_FALSE(Progress().staged);
}

TEST_F(RolloutTest, AGenerationIsKeptWhenItHasJudgedAllThatHaveEvidence) {
  AddNodes(3);
  PutPolicy();
  Judge(0, kGoodDigest);
  Edit([](json& spec) { spec["freshness"]["intervalSeconds"] = 200; });
  Period();
  EXPECT_EQ(Revisions(), 0U) << "a node has not been judged by it";
  EXPECT_EQ(Find(Policy()->conditions, "Progressing")->reason, "RollingOut");
  JudgeAll(kGoodDigest);
  may_write_ = false;
  Period();
  EXPECT_EQ(Revisions(), 0U) << "not the leader any more";
  may_write_ = true;
  Period();
  ASSERT_EQ(Revisions(), 1U);
  EXPECT_EQ(Find(Policy()->conditions, "Progressing")->reason, "Complete");
  const json revision = server_.All(kube::kControllerRevision)[0];
  EXPECT_EQ(revision["metadata"]["ownerReferences"][0]["uid"], Policy()->meta.uid);
  EXPECT_EQ(revision["revision"], 2);
  Period();
  EXPECT_EQ(Revisions(), 1U);
}

TEST_F(RolloutTest, APolicyThatCannotBeObeyedIsNeverAGoodGeneration) {
  AddNodes(1);
  PutPolicy();
  Edit([](json& spec) { spec["freshness"]["intervalSeconds"] = "soon"; });
  Period();
  EXPECT_EQ(Revisions(), 0U);
}

TEST_F(RolloutTest, NodesOutsideOfTheShareAreJudgedByTheLastGoodGeneration) {
  AddNodes(4);
  PutPolicy();
  JudgeAll(kGoodDigest);
  Period();
  Edit([](json& spec) {
    spec["pcrs"][0]["anyOf"] = json::array({kBadDigest});
    spec["rollout"] = Selected("a");
  });
  EXPECT_EQ(JudgedBy(0), kBadDigest);
  EXPECT_EQ(JudgedBy(1), kGoodDigest);
  const NodePolicies inside = picture_.For(NodeOf(0));
  const NodePolicies outside = picture_.For(NodeOf(1));
  EXPECT_EQ(outside.policies[0]->meta().generation, Policy()->meta.generation)
      << "a result is of the present generation, whatever it was judged by";
  EXPECT_NE(InputsHash(inside, nullptr), InputsHash(outside, nullptr));
  EXPECT_TRUE(outside.enforced);

  // A selector that leaves nodes out takes effect in the share alone.
  Edit([](json& spec) { spec["nodeSelector"] = {{"matchLabels", {{"pool", "nobody"}}}}; });
  EXPECT_EQ(JudgedBy(0), "nothing");
  EXPECT_EQ(JudgedBy(1), kGoodDigest);
  Edit([](json& spec) { spec.erase("rollout"); });
  EXPECT_EQ(JudgedBy(1), "nothing") << "without a rollout it applies everywhere at once";
}

TEST_F(RolloutTest, APolicyThatBecomesUnreadableLeavesNobodyBelowTheLastGoodGeneration) {
  AddNodes(2);
  PutPolicy();
  JudgeAll(kGoodDigest);
  Period();
  Edit([](json& spec) {
    spec["rollout"] = Selected("a");
    spec["pcrs"] = json::array();
  });
  EXPECT_FALSE(picture_.For(NodeOf(0)).policies[0]->ready());
  EXPECT_TRUE(picture_.For(NodeOf(1)).policies[0]->ready());
  Edit([](json& spec) { spec["rollout"] = "soon"; });
  EXPECT_FALSE(picture_.For(NodeOf(1)).policies[0]->ready()) << "held back, never passed";
}

TEST_F(RolloutTest, MoreFailuresThanItAllowsHaltItUntilThePolicyChanges) {
  AddNodes(6);
  PutPolicy();
  JudgeAll(kGoodDigest);
  Period();
  Edit([](json& spec) {
    spec["pcrs"][0]["anyOf"] = json::array({kBadDigest});
    spec["rollout"] = Selected("a");
  });
  Judge(0, kGoodDigest);
  Period();
  EXPECT_EQ(Progress().phase, RolloutPhase::kRunning) << "one failure is allowed";
  EXPECT_FALSE(keeper_.Halted().at("p"));
  Judge(2, kGoodDigest);
  Period();
  EXPECT_EQ(Progress().phase, RolloutPhase::kHalted);
  EXPECT_TRUE(keeper_.Halted().at("p"));
  EXPECT_EQ(Find(Policy()->conditions, "Progressing")->status, ConditionStatus::kFalse);
  EXPECT_EQ(Find(Policy()->conditions, "Progressing")->reason, "HaltedByFailures");
  EXPECT_TRUE(HasEvent("RolloutHalted"));
  EXPECT_EQ(JudgedBy(1), kGoodDigest) << "the others stay where they were";
  EXPECT_EQ(JudgedBy(0), kBadDigest) << "and what was found is not forgiven";

  server_.Remove({kube::kNode, "n0"});
  Period();
  EXPECT_EQ(Progress().phase, RolloutPhase::kHalted) << "a halt is not forgotten";
  EXPECT_EQ(Revisions(), 1U);

  Edit([](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kGoodDigest}); });
  for (const size_t i : {1, 2, 3, 4, 5}) {
    Judge(i, kGoodDigest);
  }
  Period();
  EXPECT_NE(Progress().phase, RolloutPhase::kHalted);
  EXPECT_FALSE(keeper_.Halted().at("p"));
}

TEST_F(RolloutTest, FailuresOfNodesOutsideOfTheShareHaltNothing) {
  AddNodes(6);
  PutPolicy();
  JudgeAll(kGoodDigest);
  Period();
  Edit([](json& spec) {
    spec["freshness"]["intervalSeconds"] = 200;
    spec["rollout"] = Selected("a");
  });
  for (const size_t i : {1, 3, 5}) {
    Judge(i, kBadDigest);
  }
  Period();
  EXPECT_EQ(Progress().failing, 0);
  EXPECT_EQ(Progress().phase, RolloutPhase::kRunning);
}

TEST_F(RolloutTest, AtAHundredPercentTheGenerationBecomesTheLastGoodUnlessItIsHalted) {
  AddNodes(4);
  PutPolicy();
  JudgeAll(kGoodDigest);
  Period();
  Edit([](json& spec) {
    spec["pcrs"][0]["anyOf"] = json::array({kBadDigest});
    spec["rollout"] = Percent(100);
  });
  JudgeAll(kGoodDigest);  // which all fail now
  Period();
  EXPECT_EQ(Progress().phase, RolloutPhase::kHalted);
  EXPECT_EQ(Revisions(), 1U);
  EXPECT_EQ(rollouts_.LastGood(*Policy())->good.meta.generation, 1);

  Edit([](json& spec) {
    spec["freshness"]["intervalSeconds"] = 200;
    spec["rollout"] = Percent(100, 10);
  });
  JudgeAll(kBadDigest);
  Period();
  EXPECT_EQ(Revisions(), 2U);
  EXPECT_EQ(rollouts_.LastGood(*Policy())->good.meta.generation, 3);

  // Another share of what is good everywhere is no rollout.
  Edit([](json& spec) { spec["rollout"] = Percent(1); });
  EXPECT_FALSE(Progress().staged);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(JudgedBy(i), kBadDigest);
    EXPECT_EQ(rollouts_.InsteadOf(*Policy(), NodeOf(i)), nullptr);
  }
}

TEST_F(RolloutTest, AFewGenerationsAreKeptAndNoMore) {
  AddNodes(1);
  PutPolicy();
  for (int seconds = 100; seconds < 108; ++seconds) {
    Edit([&](json& spec) { spec["freshness"]["intervalSeconds"] = seconds; });
    Judge(0, kGoodDigest);
    Period();
    Period();
  }
  EXPECT_EQ(Revisions(), RolloutKeeper::kKept);
  EXPECT_EQ(rollouts_.LastGood(*Policy())->good.meta.generation, Policy()->meta.generation);
}

TEST_F(RolloutTest, ARevisionOfAnotherPolicyOrOfNoneIsNotRead) {
  AddNodes(1);
  PutPolicy();
  JudgeAll(kGoodDigest);
  Period();
  const json good = server_.All(kube::kControllerRevision)[0];
  EXPECT_TRUE(PolicyRevision::Parse(good.dump()));
  json other = good;
  other["metadata"]["labels"][kPolicyUidLabel] = "another";
  EXPECT_FALSE(PolicyRevision::Parse(other.dump()));
  json of_a_daemon_set = good;
  of_a_daemon_set["data"] = {{"spec", {{"template", json::object()}}}};
  EXPECT_FALSE(PolicyRevision::Parse(of_a_daemon_set.dump()));
  json broken = good;
  broken["data"]["spec"]["freshness"]["intervalSeconds"] = "soon";
  EXPECT_FALSE(PolicyRevision::Parse(broken.dump()));
}

}  // namespace
}  // namespace plimsoll::controller::policies
