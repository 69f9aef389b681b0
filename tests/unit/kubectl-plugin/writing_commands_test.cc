#include "unit/kubectl-plugin/cluster_test.h"

// approve, deny, acknowledge, reattest, cleanup.
namespace plimsoll::plugin {
namespace {

using testing::HasSubstr;
using testing::Not;

class DecideCommand : public ClusterTest {
 protected:
  Json SpecOf(const std::string& identity) const {
    return server_.Find({kube::kTpmIdentity, identity})["spec"];
  }
};

TEST_F(DecideCommand, ApprovesAnIdentityWithTheReasonThatIsGiven) {
  AddIdentity("worker-1", "Pending");
  const Result result = Run({"approve", "ek-worker-1", "--reason", "INC-4711"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "tpmidentity.plimsoll.dev/ek-worker-1 approved\n");
  EXPECT_THAT(result.err, HasSubstr("node worker-1, TPM of IFX, firmware 7.2.3.1"));
  EXPECT_EQ(SpecOf("ek-worker-1")["decision"], "Approved");
  EXPECT_EQ(SpecOf("ek-worker-1")["decisionReason"], "INC-4711");
  EXPECT_EQ(SpecOf("ek-worker-1")["nodeName"], "worker-1") << "nothing else is written";
}

TEST_F(DecideCommand, AnIdentityCanBeNamedByItsNode) {
  AddIdentity("worker-1", "Pending");
  AddIdentity("worker-2", "Pending");
  EXPECT_EQ(Run({"deny", "worker-2"}).code, 0);
  EXPECT_EQ(SpecOf("ek-worker-2")["decision"], "Denied");
  EXPECT_EQ(SpecOf("ek-worker-1")["decision"], "Pending");
  EXPECT_THAT(SpecOf("ek-worker-2")["decisionReason"].get<std::string>(),
              HasSubstr("denied with kubectl plimsoll at 2026-11-24T08:00:00Z"));
}

TEST_F(DecideCommand, OfSeveralIdentitiesOfANodeTheOneThatWaitsIsMeant) {
  AddIdentity("worker-1", "Denied");
  Json second = server_.Find({kube::kTpmIdentity, "ek-worker-1"});
  second["metadata"] = Json::object();
  second["spec"]["decision"] = "Pending";
  server_.Put({kube::kTpmIdentity, "ek-second"}, second);
  EXPECT_EQ(Run({"approve", "worker-1"}).code, 0);
  EXPECT_EQ(SpecOf("ek-second")["decision"], "Approved");
  server_.Put({kube::kTpmIdentity, "ek-third"}, second);
  server_.Put({kube::kTpmIdentity, "ek-fourth"}, second);
  const Result unclear = Run({"approve", "worker-1"});
  EXPECT_EQ(unclear.code, kExitUnusable);
  EXPECT_THAT(unclear.err, HasSubstr("has several TPMIdentities"));
  EXPECT_EQ(SpecOf("ek-third")["decision"], "Pending");
}

TEST_F(DecideCommand, ApprovingAgainAlwaysMakesANewGeneration) {
  AddIdentity("worker-1", "Pending");
  const auto generation = [&] {
    return server_.Find({kube::kTpmIdentity, "ek-worker-1"})["metadata"]["generation"].get<int>();
  };
  int last = generation();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Run({"approve", "ek-worker-1", "--reason", "same"}).code, 0);
    EXPECT_GT(generation(), last);
    last = generation();
    clock_.Advance(std::chrono::seconds(1));
  }
}

TEST_F(DecideCommand, ARevokedIdentityStaysRevoked) {
  AddIdentity("worker-1", "Revoked");
  for (const char* command : {"approve", "deny"}) {
    const Result result = Run({command, "ek-worker-1"});
    EXPECT_EQ(result.code, kExitUnusable);
    EXPECT_THAT(result.err, HasSubstr("is revoked, which is final"));
  }
  EXPECT_EQ(SpecOf("ek-worker-1")["decision"], "Revoked");
}

TEST_F(DecideCommand, WhatChangedMeanwhileIsNotDecidedBlindly) {
  AddIdentity("worker-1", "Pending");
  server_.Intercept([&](const transport::HttpRequest& request)
                        -> std::optional<::plimsoll::Result<transport::HttpResponse>> {
    if (request.method == "PATCH") {
      server_.Edit({kube::kTpmIdentity, "ek-worker-1"},
                   [](Json& identity) { identity["status"]["nodeUID"] = "another"; });
    }
    return std::nullopt;
  });
  const Result result = Run({"approve", "ek-worker-1"});
  EXPECT_EQ(result.code, kExitUnusable);
  EXPECT_THAT(result.err, HasSubstr("it changed meanwhile"));
  EXPECT_EQ(SpecOf("ek-worker-1")["decision"], "Pending");
}

TEST_F(DecideCommand, AConflictIsShownBeforeTheDecision) {
  AddIdentity("worker-1", "Approved");
  server_.Edit({kube::kTpmIdentity, "ek-worker-1"}, [](Json& identity) {
    identity["status"]["conditions"] =
        Json::array({Condition("ConflictFree", "False", "KeyProfileChanged", "p384 before")});
  });
  EXPECT_THAT(Run({"approve", "ek-worker-1"}).err,
              HasSubstr("warning: KeyProfileChanged: p384 before"));
}

TEST_F(DecideCommand, UnknownNamesAndForbiddenWritesAreTold) {
  const Result absent = Run({"approve", "nobody"});
  EXPECT_EQ(absent.code, kExitUnusable);
  EXPECT_THAT(absent.err, HasSubstr("there is no TPMIdentity nobody, and none of a node nobody"));
  AddIdentity("worker-1", "Pending");
  server_.Intercept([&](const transport::HttpRequest& request)
                        -> std::optional<::plimsoll::Result<transport::HttpResponse>> {
    if (request.method == "PATCH") {
      return transport::HttpResponse{
          .status = 403, .headers = {}, .body = R"({"reason":"Forbidden","message":"approve"})"};
    }
    return std::nullopt;
  });
  EXPECT_EQ(Run({"approve", "ek-worker-1"}).code, kExitUnreachable);
  EXPECT_EQ(Run({"approve"}).code, kExitUnusable);
  EXPECT_EQ(Run({"approve", "ek-worker-1", "--reason", std::string(1100, 'x')}).code,
            kExitUnusable);
}

TEST_F(DecideCommand, CanPrintWhatWasWritten) {
  AddIdentity("worker-1", "Pending");
  EXPECT_EQ(Run({"approve", "ek-worker-1", "-o", "json"}).json()["spec"]["decision"], "Approved");
  EXPECT_THAT(Run({"approve", "ek-worker-1", "-o", "yaml"}).out,
              HasSubstr("decision: \"Approved\""));
}

class AnnotateCommand : public ClusterTest {};

TEST_F(AnnotateCommand, WritesTheTimeOfNowAndNothingElse) {
  server_.Put({kube::kNodeAttestation, "worker-1"}, Json::object());
  server_.Put({kube::kNodeAttestation, "worker-2"}, Json::object());
  EXPECT_EQ(Run({"acknowledge", "worker-1"}).out,
            "nodeattestation.plimsoll.dev/worker-1 acknowledged\n");
  EXPECT_EQ(Run({"reattest", "worker-1", "worker-2"}).code, 0);
  const Json annotations =
      server_.Find({kube::kNodeAttestation, "worker-1"})["metadata"]["annotations"];
  EXPECT_EQ(annotations, (Json{{"plimsoll.dev/acknowledged-at", "2026-11-24T08:00:00Z"},
                               {"plimsoll.dev/reattest-requested-at", "2026-11-24T08:00:00Z"}}));
  EXPECT_EQ(server_.Find({kube::kNodeAttestation, "worker-2"})["metadata"]["annotations"].size(),
            1U);
  EXPECT_EQ(Run({"acknowledge", "worker-9"}).code, kExitUnusable);
}

class CleanupCommand : public ClusterTest {
 protected:
  CleanupCommand() {
    Json node = fakes::NodeObject(
        {{kTrustLabel, "true"},
         {"plimsoll.dev.node-restriction.kubernetes.io/trusted-until", "1795507200"},
         {"rack", "7"}},
        Json::array({fakes::TaintObject("foreign", "a", "NoSchedule"),
                     fakes::TaintObject("plimsoll.dev/untrusted", "PCRMismatch", "NoSchedule"),
                     fakes::TaintObject("plimsoll.dev/untrusted", "PCRMismatch", "NoExecute"),
                     fakes::TaintObject("other", "b", "NoExecute")}));
    node["status"]["conditions"].push_back(
        Condition("plimsoll.dev/Trusted", "False", "PCRMismatch"));
    node["spec"]["taints"][0]["timeAdded"] = "2026-11-24T07:00:00Z";
    server_.Put({kube::kNode, "worker-1"}, node);
    server_.Put({kube::kNode, "worker-2"}, fakes::NodeObject({{"rack", "8"}}));
  }

  void AddLease(const std::string& holder, const std::string& renewed) {
    server_.Put(
        {kube::kLease, "plimsoll-controller", "plimsoll-system"},
        {{"spec",
          {{"holderIdentity", holder}, {"renewTime", renewed}, {"leaseDurationSeconds", 15}}}});
  }
};

TEST_F(CleanupCommand, RemovesOurMarksAndKeepsEverythingElse) {
  const Result result = Run({"cleanup"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out,
            "node/worker-1 cleaned: label true, label trusted-until, taint "
            "PCRMismatch:NoSchedule,PCRMismatch:NoExecute, condition False\n"
            "1 of 2 nodes cleaned, 0 failed\n");
  const Json node = server_.Find({kube::kNode, "worker-1"});
  EXPECT_EQ(node["metadata"]["labels"], (Json{{"rack", "7"}}));
  ASSERT_EQ(node["spec"]["taints"].size(), 2U);
  EXPECT_EQ(node["spec"]["taints"][0]["timeAdded"], "2026-11-24T07:00:00Z");
  EXPECT_EQ(node["spec"]["taints"][1]["key"], "other");
  ASSERT_EQ(node["status"]["conditions"].size(), 1U);
  EXPECT_EQ(node["status"]["conditions"][0]["type"], "Ready");
}

TEST_F(CleanupCommand, DoingItTwiceChangesNothing) {
  ASSERT_EQ(Run({"cleanup"}).code, 0);
  server_.ClearLog();
  const Result again = Run({"cleanup"});
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.out, "0 of 2 nodes cleaned, 0 failed\n");
  for (const std::string& request : server_.log()) {
    EXPECT_THAT(request, Not(HasSubstr("PATCH")));
  }
}

TEST_F(CleanupCommand, WritesAsTheControllersServiceAccountUnlessToldOtherwise) {
  Run({"cleanup", "--dry-run"});
  ASSERT_EQ(opened_.size(), 2U);
  EXPECT_EQ(opened_[0].as_user, "");
  EXPECT_EQ(opened_[1].as_user, "system:serviceaccount:plimsoll-system:plimsoll-controller");
  Run({"cleanup", "--dry-run", "-n", "sec", "--service-account", "ctl"});
  EXPECT_EQ(opened_[3].as_user, "system:serviceaccount:sec:ctl");
  Run({"cleanup", "--dry-run", "--no-impersonate"});
  EXPECT_EQ(opened_[5].as_user, "");
  Run({"cleanup", "--dry-run", "--as", "root"});
  EXPECT_EQ(opened_[7].as_user, "root");
}

TEST_F(CleanupCommand, RefusesWhileAControllerHoldsTheLease) {
  AddLease("controller-1", "2026-11-24T07:59:55.000000Z");
  const Result refused = Run({"cleanup"});
  EXPECT_EQ(refused.code, kExitUnusable);
  EXPECT_THAT(refused.err, HasSubstr("controller-1 still holds the Lease"));
  EXPECT_TRUE(server_.Find({kube::kNode, "worker-1"})["metadata"]["labels"].contains(kTrustLabel));
  EXPECT_EQ(Run({"cleanup", "--force", "--dry-run"}).code, 0);
  clock_.Advance(std::chrono::seconds(40));
  EXPECT_EQ(Run({"cleanup"}).code, 0) << "nobody has renewed it";
}

TEST_F(CleanupCommand, ALeaseThatWasReleasedIsNoController) {
  AddLease("", "2026-11-24T07:59:59.000000Z");
  EXPECT_EQ(Run({"cleanup", "--dry-run"}).code, 0);
}

TEST_F(CleanupCommand, ANodeThatIsWrittenMeanwhileIsReadAgain) {
  int writes = 0;
  server_.Intercept([&](const transport::HttpRequest& request)
                        -> std::optional<::plimsoll::Result<transport::HttpResponse>> {
    if (request.method == "PATCH" && ++writes <= 2) {
      server_.Edit({kube::kNode, "worker-1"}, [&](Json& node) {
        node["spec"]["taints"].push_back(
            fakes::TaintObject("late-" + std::to_string(writes), "", "NoSchedule"));
      });
    }
    return std::nullopt;
  });
  EXPECT_EQ(Run({"cleanup"}).code, 0);
  const Json node = server_.Find({kube::kNode, "worker-1"});
  EXPECT_EQ(node["spec"]["taints"].size(), 4U) << "two foreign ones, and two that came late";
  EXPECT_FALSE(node["metadata"]["labels"].contains(kTrustLabel));
}

TEST_F(CleanupCommand, ANodeThatCannotBeWrittenIsNamedAndTheOthersAreCleaned) {
  Json third = server_.Find({kube::kNode, "worker-1"});
  third["metadata"] = {{"labels", {{kTrustLabel, "false"}}}};
  server_.Put({kube::kNode, "worker-3"}, third);
  server_.Intercept([&](const transport::HttpRequest& request)
                        -> std::optional<::plimsoll::Result<transport::HttpResponse>> {
    if (request.method == "PATCH" && request.path_and_query.find("worker-1") != std::string::npos) {
      return transport::HttpResponse{
          .status = 403, .headers = {}, .body = R"({"reason":"Forbidden","message":"no"})"};
    }
    return std::nullopt;
  });
  const Result result = Run({"cleanup"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err, HasSubstr("node worker-1: "));
  EXPECT_THAT(result.out, HasSubstr("1 of 3 nodes cleaned, 1 failed"));
  EXPECT_FALSE(server_.Find({kube::kNode, "worker-3"})["metadata"]["labels"].contains(kTrustLabel));
}

TEST_F(CleanupCommand, OtherKeysCanBeGiven) {
  server_.Edit({kube::kNode, "worker-2"}, [](Json& node) {
    node["metadata"]["labels"]["x.node-restriction.kubernetes.io/ok"] = "true";
  });
  const Json done =
      Run({"cleanup", "--label-key", "x.node-restriction.kubernetes.io/ok", "-o", "json"}).json();
  EXPECT_EQ(done["cleaned"], 2);
  EXPECT_EQ(done["nodes"][1]["removed"], "label true");
}

}  // namespace
}  // namespace plimsoll::plugin
