#include "controller/policies/status_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "controller/policies/policy_checks.h"
#include "fakes/api_objects.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "fakes/policy_picture.h"

namespace plimsoll::controller::policies {
namespace {

using fakes::ApiLookup;
using fakes::json;
using fakes::PolicyObjectJson;

// Self-signed, P-256; valid until 9999-12-31T23:59:59Z.
constexpr const char* kEndlessAuthority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcTCCARegAwIBAgIBATAKBggqhkjOPQQDAjAfMR0wGwYDVQQDExRhIENBIHRo\n"
    "YXQgbmV2ZXIgZW5kczAgFw0yNjAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVow\n"
    "HzEdMBsGA1UEAxMUYSBDQSB0aGF0IG5ldmVyIGVuZHMwWTATBgcqhkjOPQIBBggq\n"
    "hkjOPQMBBwNCAAQFNyc93dDLAw9MmZirHOI10gU30LGC3OZRtmj0piW3/KXqBGYu\n"
    "U+JVUgfFc1VUMChXN8pOPUfkdhYh5S84B3NYo0IwQDAPBgNVHRMBAf8EBTADAQH/\n"
    "MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQU7tIUf2Ibk7v1xrzm0yBaeSzrn3Mw\n"
    "CgYIKoZIzj0EAwIDSAAwRQIgE8yD10guF17b+DeJzzwHzsjKoGflMlIt1eHnBfyt\n"
    "mT4CIQCkPAT2MmZ5ctsZH3jMi2hMydpFZ4ErgEEVLGvs9veDQA==\n"
    "-----END CERTIFICATE-----\n";

class QuietLogger final : public telemetry::Logger {
 public:
  void Log(telemetry::Level, std::string_view, telemetry::Fields) noexcept override {}
};

class StatusWriterTest : public testing::Test {
 protected:
  json Policy(const std::string& name) { return server_.Find({kube::kAttestationPolicy, name}); }

  // The condition of that type, or null.
  static json ConditionOf(const json& object, const std::string& type) {
    for (const json& condition : object["status"]["conditions"]) {
      if (condition["type"] == type) {
        return condition;
      }
    }
    return {};
  }

  size_t EventsOf(const std::string& reason) {
    const auto events = server_.All(kube::kEvent);
    return static_cast<size_t>(std::count_if(events.begin(), events.end(), [&](const json& event) {
      return event["reason"] == reason;
    }));
  }

  bool WaitForEvent(const std::string& reason) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      if (EventsOf(reason) > 0) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

  // Puts a Node and what its NodeAttestation says about policy `name`.
  void PutResult(const std::string& node, const std::string& name, const std::string& result,
                 int64_t generation = 1, const json& taints = json::array()) {
    const json stored = server_.Put({kube::kNode, node}, fakes::NodeObject({}, taints));
    server_.Put({kube::kNodeAttestation, node},
                {{"status",
                  {{"nodeUID", stored["metadata"]["uid"]},
                   {"policies", json::array({{{"name", name},
                                              {"uid", Policy(name)["metadata"]["uid"]},
                                              {"observedGeneration", generation},
                                              {"mode", "Enforce"},
                                              {"result", result}}})}}}});
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  QuietLogger logger_;
  kube::Client client_{server_, clock_};
  kube::EventRecorder events_{client_, clock_, {.reporting_instance = "test"}};
  fakes::PolicyPicture world_{server_, client_, clock_};
  ApiLookup<Node> nodes_{server_, kube::kNode};
  ApiLookup<NodeAttestation> attestations_{server_, kube::kNodeAttestation};
  bool may_write_ = true;
  StatusWriter writer_{client_,
                       {world_.picture, world_.policies, world_.authorities, world_.references,
                        nodes_, attestations_},
                       events_,
                       clock_,
                       logger_,
                       "plimsoll.dev/untrusted",
                       [this] { return may_write_; }};
};

TEST_F(StatusWriterTest, CountsNodesByTheirResultUnderThisGenerationOfThePolicy) {
  server_.Put({kube::kAttestationPolicy, "p"}, PolicyObjectJson());
  PutResult("n1", "p", "Pass");
  PutResult("n2", "p", "Pass");
  PutResult("n3", "p", "Fail", 1,
            json::array({fakes::TaintObject("plimsoll.dev/untrusted", "X", "NoSchedule")}));
  PutResult("n4", "p", "Pass", 0);  // judged with an older generation
  server_.Put({kube::kNode, "n5"}, fakes::NodeObject());
  writer_.WriteChanged();
  const json status = Policy("p")["status"];
  EXPECT_EQ(status["observedGeneration"], 1);
  EXPECT_EQ(status["matchedNodes"], 5);
  EXPECT_EQ(status["passingNodes"], 2);
  EXPECT_EQ(status["failingNodes"], 1);
  EXPECT_EQ(status["unknownNodes"], 2);
  EXPECT_EQ(status["taintedNodes"], 1);
  EXPECT_EQ(ConditionOf(Policy("p"), "Ready")["reason"], "Resolved");
  EXPECT_EQ(ConditionOf(Policy("p"), "Ready")["observedGeneration"], 1);
  EXPECT_EQ(ConditionOf(Policy("p"), "Enforced")["status"], "True");
}

TEST_F(StatusWriterTest, ANodeMadeAnewDoesNotInheritTheResultsOfItsPredecessor) {
  server_.Put({kube::kAttestationPolicy, "p"}, PolicyObjectJson());
  PutResult("n1", "p", "Pass");
  server_.Remove({kube::kNode, "n1"});
  server_.Put({kube::kNode, "n1"}, fakes::NodeObject());
  writer_.WriteChanged();
  EXPECT_EQ(Policy("p")["status"]["passingNodes"], 0);
  EXPECT_EQ(Policy("p")["status"]["unknownNodes"], 1);
}

TEST_F(StatusWriterTest, WritesOnlyWhatHasChanged) {
  server_.Put({kube::kAttestationPolicy, "p"}, PolicyObjectJson());
  writer_.WriteChanged();
  server_.ClearLog();
  clock_.Advance(std::chrono::hours(5));
  writer_.WriteChanged();
  EXPECT_TRUE(server_.log().empty());
  PutResult("n1", "p", "Pass");
  writer_.WriteChanged();
  EXPECT_EQ(server_.log().size(), 1U);
}

TEST_F(StatusWriterTest, WritesNothingWithoutTheLease) {
  server_.Put({kube::kAttestationPolicy, "p"}, PolicyObjectJson());
  may_write_ = false;
  writer_.WriteChanged();
  EXPECT_TRUE(server_.log().empty());
}

TEST_F(StatusWriterTest, LeavesAnObjectThatIsNewerThanTheInformersCopy) {
  server_.Put({kube::kAttestationPolicy, "p"}, PolicyObjectJson());
  world_.policies.Freeze();
  server_.Edit({kube::kAttestationPolicy, "p"},
               [](json& object) { object["spec"]["mode"] = "Audit"; });
  writer_.WriteChanged();
  EXPECT_FALSE(Policy("p").contains("status"));
  world_.policies.Thaw();
  writer_.WriteChanged();
  EXPECT_EQ(Policy("p")["status"]["observedGeneration"], 2);
  EXPECT_EQ(ConditionOf(Policy("p"), "Enforced")["reason"], "Audit");
}

TEST_F(StatusWriterTest, APolicyThatCannotBeJudgedWithIsNotReadyAndSaysSoInAnEvent) {
  json empty = PolicyObjectJson();
  empty["spec"].erase("pcrs");
  server_.Put({kube::kAttestationPolicy, "empty"}, empty);
  writer_.WriteChanged();
  const json ready = ConditionOf(Policy("empty"), "Ready");
  EXPECT_EQ(ready["status"], "False");
  EXPECT_EQ(ready["reason"], "PolicyNotReady");
  EXPECT_FALSE(ready["message"].get<std::string>().empty());
  EXPECT_TRUE(WaitForEvent("PolicyNotReady"));
}

TEST_F(StatusWriterTest, ASelectorByALabelThatAKubeletMayWriteIsNotTamperProof) {
  json policy = PolicyObjectJson();
  policy["spec"]["nodeSelector"] = {{"matchLabels", {{"topology.kubernetes.io/zone", "a"}}}};
  server_.Put({kube::kAttestationPolicy, "p"}, policy);
  writer_.WriteChanged();
  EXPECT_EQ(ConditionOf(Policy("p"), "SelectorTamperProof")["status"], "False");
  EXPECT_EQ(ConditionOf(Policy("p"), "ConflictFree")["reason"], "NoNodeMatches");
}

TEST_F(StatusWriterTest, E46_PoliciesThatCanNeverBothPassOnANodeShowInConflictFree) {
  server_.Put({kube::kAttestationPolicy, "a"}, PolicyObjectJson("Enforce", fakes::kGoodDigest));
  server_.Put({kube::kAttestationPolicy, "b"}, PolicyObjectJson("Enforce", fakes::kBadDigest));
  server_.Put({kube::kAttestationPolicy, "c"}, PolicyObjectJson("Audit", fakes::kBadDigest));
  server_.Put({kube::kNode, "n1"}, fakes::NodeObject());
  writer_.WriteChanged();
  EXPECT_EQ(ConditionOf(Policy("a"), "ConflictFree")["reason"], "PoliciesContradict");
  EXPECT_EQ(ConditionOf(Policy("b"), "ConflictFree")["reason"], "PoliciesContradict");
  EXPECT_EQ(ConditionOf(Policy("c"), "ConflictFree")["reason"], "NoConflict");
}

TEST_F(StatusWriterTest, AnAuthorityWhoseBundleIsDamagedIsNotReady) {
  server_.Put({kube::kEndorsementAuthority, "vendors"},
              {{"spec", {{"bundles", json::array({{{"inline", "no PEM"}}})}}}});
  writer_.WriteChanged();
  const json authority = server_.Find({kube::kEndorsementAuthority, "vendors"});
  EXPECT_EQ(ConditionOf(authority, "Ready")["status"], "False");
  EXPECT_EQ(authority["status"]["certificates"], 0);
  EXPECT_FALSE(authority["status"].contains("earliestExpiry"));
}

TEST_F(StatusWriterTest, AnAuthorityThatEndsInTheYear9999IsNotAboutToExpire) {
  server_.Put({kube::kEndorsementAuthority, "vendors"},
              {{"spec", {{"bundles", json::array({{{"inline", kEndlessAuthority}}})}}}});
  writer_.WriteChanged();
  const json authority = server_.Find({kube::kEndorsementAuthority, "vendors"});
  EXPECT_EQ(authority["status"]["earliestExpiry"], "9999-12-31T23:59:59Z");
  EXPECT_EQ(ConditionOf(authority, "Expiring")["status"], "False");
}

TEST(PolicyChecks, OnlyLabelsThatAKubeletCannotWriteAreProtected) {
  EXPECT_TRUE(IsProtectedLabel("node-restriction.kubernetes.io/zone"));
  EXPECT_TRUE(IsProtectedLabel("acme.node-restriction.kubernetes.io/zone"));
  EXPECT_TRUE(IsProtectedLabel("node-role.kubernetes.io/control-plane"));
  EXPECT_FALSE(IsProtectedLabel("acme-node-restriction.kubernetes.io/zone"));
  EXPECT_FALSE(IsProtectedLabel("node-restriction.kubernetes.io"));
  EXPECT_FALSE(IsProtectedLabel("kubernetes.io/hostname"));
  EXPECT_FALSE(IsProtectedLabel("zone"));
  EXPECT_FALSE(IsProtectedLabel("node-restriction.kubernetes.io.evil/zone"));
}

}  // namespace
}  // namespace plimsoll::controller::policies
