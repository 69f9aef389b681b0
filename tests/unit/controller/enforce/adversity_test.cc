// The leader when time, informers and the API server do not behave.
#include <gtest/gtest.h>

#include <random>

#include "controller/enforce/enforcer.h"
#include "controller/enforce/fleet_summary.h"
#include "unit/controller/enforce/cluster.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::Reason;
using fakes::kBadDigest;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;
using std::chrono::hours;
using std::chrono::seconds;

class Time : public Cluster {};
class Staleness : public Cluster {};
class Adversity : public Cluster {};

TEST_F(Time, E53_ASilentNodeIsUnknownAndTaintedNotLaterThanItsExpiry) {
  MakeTrusted();
  StartOldLeader();
  Settle();
  clock_.Advance(seconds(890));
  const auto before = Once();
  ASSERT_TRUE(before);
  EXPECT_EQ(Label(), "true");
  ASSERT_TRUE(*before) << "it must come back by itself";
  EXPECT_LE(**before, seconds(10));
  clock_.Advance(**before);
  Settle();
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(Verdict(), "Unknown/EvidenceExpired");
  EXPECT_EQ(TaintTextOf(), "EvidenceExpired:NoSchedule");
  EXPECT_TRUE(WaitForEvent("EvidenceExpired"));
  // It stays until the node is Trusted again.
  Report(Reason::kTpmAbsent);
  Settle();
  EXPECT_EQ(TaintTextOf(), "EvidenceExpired:NoSchedule");
  Attest();
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_EQ(TaintTextOf(), "");
}

TEST_F(Time, E53_TrustEndsAlsoWhileTheStatusCannotBeWritten) {
  MakeTrusted();
  server_.Intercept(
      [](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.path_and_query.find("nodeattestations") != std::string::npos) {
          return transport::HttpResponse{.status = 503, .headers = {}, .body = "{}"};
        }
        return std::nullopt;
      });
  clock_.Advance(seconds(901));
  EXPECT_FALSE(Once());
  EXPECT_EQ(Label(), "unknown");
  EXPECT_EQ(NodeCondition(), "Unknown/EvidenceExpired");
}

TEST_F(Time, E53_AShorterExpiryCountsForEvidenceThatIsThereAlready) {
  MakeTrusted();
  EditPolicy("pcr4", [](json& spec) {
    spec["freshness"] = {{"intervalSeconds", 30}, {"expireSeconds", 60}};
  });
  Settle();
  EXPECT_EQ(Label(), "true");
  clock_.Advance(seconds(60));
  Settle();
  EXPECT_EQ(Label(), "unknown");
}

TEST_F(Time, E54_AfterAnOutageLabelsGoAtOnceAndSilenceTaintsOnlyLater) {
  MakeTrusted();
  clock_.Advance(hours(2));  // no controller at all
  StartLeader();
  ASSERT_TRUE(Once());
  EXPECT_EQ(Label(), "unknown");
  Settle();
  EXPECT_EQ(TaintTextOf(), "") << "agents have had no chance yet";
  clock_.Advance(seconds(300 + 60));
  Settle();
  EXPECT_EQ(TaintTextOf(), "EvidenceExpired:NoSchedule");
}

TEST_F(Time, E54_ALeaderComesBackToTaintTheSilentByItself) {
  MakeTrusted();
  clock_.Advance(hours(2));
  StartLeader();
  Settle();
  const auto again = Once();
  ASSERT_TRUE(again && *again);
  EXPECT_LE(**again, seconds(360));
}

TEST_F(Time, E55_ANodeThatIsUntrustedIsSoForTheNextLeaderWithoutAnyGap) {
  MakeUntrusted();
  std::vector<std::string> labels;
  server_.Observe([&](const std::string&, const json& object) {
    if (object["kind"] == "Node") {
      labels.push_back(object["metadata"]["labels"].value(MarkNames().label, "none"));
    }
  });
  StartLeader();
  Settle();
  clock_.Advance(hours(2));
  StartLeader();
  Settle();
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
  EXPECT_TRUE(std::all_of(labels.begin(), labels.end(),
                          [](const std::string& label) { return label == "false"; }));
}

TEST_F(Time, E55_ANodeThatIsTrustedStaysSoAcrossAChangeOfLeaders) {
  MakeTrusted();
  clock_.Advance(seconds(100));
  StartLeader();
  server_.ClearLog();
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_TRUE(Requests().empty()) << "nothing to write";
}

TEST_F(Time, E58_AWallClockThatJumpsNeitherEndsTrustNorExtendsIt) {
  for (const auto jump : {hours(24 * 3650), -hours(24 * 3650)}) {
    server_.Remove({kube::kNode, kNodeName});
    const WallTime right = clock_.Wall();
    MakeTrusted();
    StartOldLeader();
    Settle();
    clock_.SetWall(right + jump);
    Settle();
    EXPECT_EQ(Label(), "true") << "not earlier";
    clock_.Advance(seconds(880));
    Settle();
    EXPECT_EQ(Label(), "true");
    clock_.Advance(seconds(25));
    Settle();
    EXPECT_EQ(Label(), "unknown") << "and not later";
    EXPECT_EQ(TaintTextOf(), "EvidenceExpired:NoSchedule");
    clock_.SetWall(right + hours(1));
  }
}

TEST_F(Time, E58_AnExpirationInTheFarFutureIsBoundedByThePolicy) {
  MakeTrusted();
  server_.Edit({kube::kNodeAttestation, kNodeName}, [](json& object) {
    object["status"]["expirationTime"] = "2036-11-24T08:00:00Z";
    object["status"]["lastVerifiedTime"] = "2036-11-24T08:00:00Z";
  });
  Settle();
  clock_.Advance(seconds(901));
  Settle();
  EXPECT_EQ(Label(), "unknown");
}

TEST_F(Time, E58_TrustIsJudgedAgainThoughTheWallClockIsTenYearsAhead) {
  MakeTrusted();
  clock_.SetWall(clock_.Wall() + hours(24 * 3650));
  EditPolicy("pcr4", [](json& spec) { spec["freshness"]["intervalSeconds"] = 200; });
  ASSERT_TRUE(Once());
  EXPECT_EQ(Verdict(), "Trusted/AllPoliciesPassed");
  EXPECT_EQ(Label(), "true");
}

TEST_F(Staleness, TrustIsNotGivenByACachedStatusThatHasBeenTakenBack) {
  MakeUntrusted();
  Attest(kGoodDigest);
  attestations_.Freeze();  // the informer ends here
  Attest(kBadDigest);
  std::vector<std::string> labels;
  server_.Observe([&](const std::string&, const json& object) {
    if (object["kind"] == "Node") {
      labels.push_back(object["metadata"]["labels"].value(MarkNames().label, "none"));
    }
  });
  Settle();
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(std::count(labels.begin(), labels.end(), "true"), 0);
}

TEST_F(Staleness, AnOldNodeInTheCacheIsReadAnewBeforeItIsMarked) {
  MakeTrusted();
  nodes_.Freeze();
  server_.Edit({kube::kNode, kNodeName}, [](json& node) {
    node["spec"]["taints"].push_back(fakes::TaintObject("drain", "now", "NoSchedule"));
  });
  Attest(kBadDigest);
  Settle();
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(NodeJson()["spec"]["taints"].size(), 2U);
}

TEST_F(Staleness, AVerdictByNewerPoliciesThanOursIsLeftAloneAndGivesNoTrustYet) {
  MakeUntrusted();
  EditPolicy("pcr4", [](json& spec) { spec["pcrs"][0]["anyOf"] = json::array({kBadDigest}); });
  Attest(kBadDigest);  // Trusted by generation 2
  ASSERT_EQ(Verdict(), "Trusted/AllPoliciesPassed");
  server_.Edit({kube::kAttestationPolicy, "pcr4"},
               [](json& object) { object["metadata"]["generation"] = 1; });  // our informer's view
  ASSERT_TRUE(Once());
  EXPECT_EQ(Verdict(), "Trusted/AllPoliciesPassed");
  EXPECT_EQ(Label(), "false") << "neither set nor kept by others' inputs";
  server_.Edit({kube::kAttestationPolicy, "pcr4"},
               [](json& object) { object["metadata"]["generation"] = 2; });
  Settle();
  EXPECT_EQ(Label(), "true");
}

TEST_F(Staleness, OtherInputsThanOursAreGivenAMomentToReachOurInformersToo) {
  MakeTrusted();
  const std::string ours = Recorded().inputs;
  server_.Edit({kube::kNodeAttestation, kNodeName}, [](json& object) {
    object["status"]["inputs"] = "of a replica that has seen more";
  });
  server_.ClearLog();
  ASSERT_TRUE(Once());
  EXPECT_TRUE(Requests().empty());
  EXPECT_EQ(Label(), "true");
  clock_.Advance(NodeReconciler::kInputsSettle);
  ASSERT_TRUE(Once());
  EXPECT_EQ(Recorded().inputs, ours) << "then it is judged again with ours";
  EXPECT_EQ(Label(), "true");
}

TEST_F(Staleness, ALabelDoesNotStayTrueForLongWhenItCannotBeJudgedAgain) {
  MakeTrusted();
  server_.Edit({kube::kNodeAttestation, kNodeName}, [](json& object) {
    object["status"]["inputs"] = "of somebody else";
    object["status"]["policies"][0]["observedGeneration"] = 99;
  });
  ASSERT_TRUE(Once());
  EXPECT_EQ(Label(), "true");
  clock_.Advance(NodeReconciler::kInputsPatience);
  ASSERT_TRUE(Once());
  EXPECT_EQ(Label(), "unknown");
}

TEST_F(Staleness, AnActivationThatTheInformerHasNotSeenYetCostsNoTrust) {
  PutNode();
  PutPolicy("pcr4", PolicyObjectJson());
  PutIdentity();
  server_.Edit({kube::kTpmIdentity, kIdentityName},
               [](json& object) { object["status"]["nodeUID"] = "of before"; });
  const auto stale = server_.Find({kube::kTpmIdentity, kIdentityName});
  PutIdentity();
  Attest();
  std::vector<std::string> summaries;
  server_.Observe([&](const std::string&, const json& object) {
    if (object["kind"] == "NodeAttestation") {
      summaries.push_back(object["status"]["summary"]);
    }
  });
  server_.Edit({kube::kTpmIdentity, kIdentityName}, [&](json& object) { object = stale; });
  identities_.Freeze();
  const std::string uid = NodeUid();
  server_.Edit({kube::kTpmIdentity, kIdentityName},
               [&](json& object) { object["status"]["nodeUID"] = uid; });
  ASSERT_TRUE(Once());
  clock_.Advance(seconds(1));
  ASSERT_TRUE(Once());
  identities_.Thaw();
  Settle();
  EXPECT_EQ(Label(), "true");
  EXPECT_EQ(std::count(summaries.begin(), summaries.end(), "Unknown"), 0);
}

// Whatever the API server does to requests, the label never becomes `true` while the recorded
// verdict is another, and when the trouble is over everything is in step.
TEST_F(Adversity, E52_ConflictsErrorsAndLostAnswersNeverBringBackAnOldTrust) {
  MakeTrusted();
  StartOldLeader();
  std::mt19937 random(11);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  bool calm = false;
  std::string label = "true";
  std::string summary = "Trusted";
  int wrong = 0;
  server_.Observe([&](const std::string&, const json& object) {
    if (object["kind"] == "NodeAttestation") {
      summary = object["status"]["summary"];
    } else if (object["kind"] == "Node") {
      const std::string now = object["metadata"]["labels"].value(MarkNames().label, "none");
      wrong += now == "true" && label != "true" && summary != "Trusted" ? 1 : 0;
      label = now;
    }
  });
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (calm || request.path_and_query.find("events") != std::string::npos) {
          return std::nullopt;
        }
        if (request.method == "PATCH" && one_in(4)) {
          server_.Edit({kube::kNode, kNodeName}, [&](json& node) {
            node["metadata"]["annotations"]["heartbeat"] = std::to_string(random());
          });
        }
        if (one_in(6)) {
          return transport::HttpResponse{.status = 500, .headers = {}, .body = "{}"};
        }
        if (one_in(10)) {
          return transport::HttpResponse{.status = 429, .headers = {}, .body = "{}"};
        }
        return std::nullopt;
      });
  server_.Spoil(
      [&](const transport::HttpRequest& request,
          const transport::HttpResponse&) -> std::optional<Result<transport::HttpResponse>> {
        if (!calm && request.path_and_query.find("events") == std::string::npos && one_in(6)) {
          return Fail(ErrorCode::kTimeout, "the answer was lost", Retry::kBackoff);
        }
        return std::nullopt;
      });
  for (int round = 0; round < 300; ++round) {
    calm = true;
    const bool good = one_in(2);
    Attest(good ? kGoodDigest : kBadDigest);
    calm = false;
    for (int pass = 0; pass < 3; ++pass) {
      (void)Once();
      clock_.Advance(std::chrono::milliseconds(200));
    }
    calm = true;
    Settle();
    ASSERT_EQ(Label(), good ? "true" : "false") << "round " << round;
    ASSERT_EQ(TaintTextOf(), good ? "" : "PCRMismatch:NoSchedule") << "round " << round;
    calm = false;
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(Adversity, E52_ALeaderThatWakesUpLateDoesNotOverwriteItsSuccessor) {
  MakeTrusted();
  // The old leader decides to give trust back, and is stopped just before it writes.
  Attest(kBadDigest);
  Settle();
  Attest(kGoodDigest);
  bool paused = false;
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH" && !std::exchange(paused, true)) {
          Attest(kBadDigest);  // meanwhile: another verdict, and another leader acted on it
          server_.Edit({kube::kNode, kNodeName}, [](json& node) {
            node["metadata"]["annotations"]["successor"] = "was here";
          });
          may_write_ = false;
        }
        return std::nullopt;
      });
  server_.ClearLog();
  (void)Once();
  EXPECT_TRUE(paused);
  EXPECT_EQ(Label(), "false");
  EXPECT_EQ(NodeCondition(), "False/PCRMismatch");
}

TEST_F(Adversity, TheEnforcerBringsNodesIntoStepAndStopsForGood) {
  PutNode();
  PutPolicy("pcr4", PolicyObjectJson());
  PutIdentity();
  Attest();
  SystemClock real;
  Enforcer enforcer(*reconciler_, nodes_, real, logger_,
                    {.workers = 2,
                     .resync = std::chrono::milliseconds(50),
                     .period = std::chrono::milliseconds(50),
                     .periodic = {}});
  enforcer.Enqueue(kNodeName);
  EXPECT_EQ(enforcer.queue_counters().adds, 0U) << "not the leader yet";
  enforcer.Start(clock_.Monotonic());
  const auto wait_for = [&](const std::string& label) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (Label() != label && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_EQ(Label(), label);
  };
  wait_for("true");
  Attest(kBadDigest);
  enforcer.Enqueue(kNodeName);
  wait_for("false");
  enforcer.Stop();
  Attest(kGoodDigest);
  server_.ClearLog();
  enforcer.EnqueueAll();
  enforcer.Start(clock_.Monotonic());
  EXPECT_EQ(enforcer.queue_counters().depth, 0U);
  EXPECT_EQ(Label(), "false");
}

TEST_F(Adversity, TheSummaryCountsEveryNodeOnceAndOnlyByItsOwnUid) {
  MakeUntrusted();
  server_.Put({kube::kNode, "new"}, fakes::NodeObject());
  const auto summarise = [&] {
    return Summarise(nodes_, attestations_, identities_, picture_.picture, picture_.authorities,
                     MarkNames().taint);
  };
  FleetSummary fleet = summarise();
  EXPECT_EQ(fleet.nodes_by_verdict["untrusted"], 1);
  EXPECT_EQ(fleet.nodes_by_verdict["unknown"], 1);
  EXPECT_EQ(fleet.nodes_by_verdict["trusted"], 0);
  EXPECT_EQ(fleet.identities_by_decision["approved"], 1);
  EXPECT_EQ(fleet.identities_by_decision["pending"], 0);
  ASSERT_EQ(fleet.policies.size(), 1U);
  EXPECT_EQ(fleet.policies[0].failing, 1);
  EXPECT_EQ(fleet.policies[0].unknown, 1);
  EXPECT_TRUE(fleet.policies[0].ready);
  ASSERT_EQ(fleet.nodes.size(), 2U);
  EXPECT_EQ(fleet.nodes[1].failing_policies, std::vector<std::string>{"pcr4"});
  server_.Remove({kube::kNode, kNodeName});
  PutNode();
  EXPECT_EQ(summarise().nodes_by_verdict["unknown"], 2);
}

}  // namespace
}  // namespace plimsoll::controller::enforce
