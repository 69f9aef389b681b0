#include "unit/kubectl-plugin/cluster_test.h"

namespace plimsoll::plugin {
namespace {

using testing::HasSubstr;
using testing::Not;

class StatusCommand : public ClusterTest {};

TEST_F(StatusCommand, OneScreenCountsWhatIsFineAndListsWhatIsNot) {
  AddFleet();
  AddIdentity("worker-6", "Pending");
  const Result result = Run({"status"});
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  EXPECT_EQ(result.out,
            "NODES   3 trusted, 1 untrusted, 1 unknown\n"
            "\n"
            "UNTRUSTED\n"
            "  NODE       REASON                     FAILED-POLICIES   SINCE   VERIFIED   TAINT\n"
            "  worker-4   BootComponentNotAccepted   measured-boot     25m     25m\n"
            "\n"
            "UNKNOWN\n"
            "  NODE       REASON            FAILED-POLICIES   SINCE   VERIFIED   TAINT\n"
            "  worker-5   EvidenceExpired                     60m     60m\n"
            "\n"
            "IDENTITIES THAT WAIT FOR A DECISION\n"
            "  IDENTITY      NODE       DECISION   TPM   FIRMWARE   EK-CERT   AK-BOUND   AGE\n"
            "  ek-worker-6   worker-6   Pending    IFX   7.2.3.1    Unknown   True       0s\n"
            "\n"
            "POLICIES\n"
            "  POLICY          MODE      MATCHED   PASSING   FAILING   UNKNOWN   READY\n"
            "  measured-boot   Enforce   5         3         1         1         True\n"
            "\n"
            "NEXT\n"
            "  Why a node is untrusted: kubectl plimsoll explain worker-4\n"
            "  Compare a pending TPM with your inventory, then: kubectl plimsoll approve "
            "ek-worker-6 --reason TEXT\n");
}

TEST_F(StatusCommand, AnEmptyClusterIsNoFailure) {
  const Result result = Run({"status"});
  EXPECT_EQ(result.code, kExitTrusted) << result.err;
  EXPECT_THAT(result.out, HasSubstr("0 trusted, 0 untrusted, 0 unknown"));
  EXPECT_THAT(result.out, HasSubstr("There is no NodeAttestation yet"));
}

TEST_F(StatusCommand, StaleSetsExpiringAuthoritiesAndExceptionsAreListed) {
  AddFleet();
  const auto set = [&](const std::string& name, Json spec, int matched) {
    spec["commandLines"] = {"ro"};
    server_.Put(
        {kube::kReferenceValues, name},
        {{"spec", std::move(spec)},
         {"status", {{"observedGeneration", 1}, {"matchedNodes", matched}, {"policyNames", "p"}}}});
  };
  set("fine", Json::object(), 3);
  set("old", {{"state", "Deprecated"}}, 1);
  set("bad", {{"state", "Revoked"}}, 0);
  set("over", {{"notAfter", "2026-11-01T00:00:00Z"}}, 2);
  set("early", {{"notBefore", "2027-01-01T00:00:00Z"}}, 2);
  set("unused", Json::object(), 0);
  server_.Put({kube::kEndorsementAuthority, "vendors"},
              {{"spec", {{"bundles", {{{"builtin", "TPMVendors"}}}}}},
               {"status", {{"certificates", 40}, {"earliestExpiry", "2026-12-01T00:00:00Z"}}}});
  server_.Put({kube::kAttestationException, "upgrade"},
              {{"spec", {{"reason", "INC-1"}, {"expiresAt", "2026-11-26T08:00:00Z"}}},
               {"status", {{"nodes", 2}}}});
  server_.Put({kube::kAttestationException, "gone"},
              {{"spec", {{"reason", "INC-0"}, {"expiresAt", "2026-11-23T08:00:00Z"}}}});
  const Result result = Run({"status"});
  EXPECT_THAT(result.out, HasSubstr("  old      Deprecated   1       p          deprecated\n"));
  EXPECT_THAT(result.out, HasSubstr("  bad      Revoked      0       p          revoked: what it"));
  EXPECT_THAT(result.out, HasSubstr("ended on 2026-11-01T00:00:00Z"));
  EXPECT_THAT(result.out, HasSubstr("not before 2027-01-01T00:00:00Z"));
  EXPECT_THAT(result.out, HasSubstr("no node matches it"));
  EXPECT_THAT(result.out, Not(HasSubstr("  fine ")));
  EXPECT_THAT(result.out, HasSubstr("vendors: a certificate expires on 2026-12-01T00:00:00Z"));
  EXPECT_THAT(result.out, HasSubstr("  upgrade     2       in 2d     INC-1\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("INC-0")));
}

TEST_F(StatusCommand, ConcernsOfPoliciesAreNamed) {
  AddFleet();
  server_.Edit({kube::kAttestationPolicy, "measured-boot"}, [](Json& policy) {
    policy["status"]["conditions"] = Json::array(
        {Condition("Ready", "False", "ReferenceMissing", "ReferenceValues x does not exist"),
         Condition("ConflictFree", "False", "NeverBothPass", "with policy other")});
  });
  const Result result = Run({"status"});
  EXPECT_THAT(result.out, HasSubstr("measured-boot: Ready=ReferenceMissing: ReferenceValues x does "
                                    "not exist\n"));
  EXPECT_THAT(result.out,
              HasSubstr("measured-boot: ConflictFree=NeverBothPass: with policy other"));
}

TEST_F(StatusCommand, AsJsonAndYamlItIsOneDocument) {
  AddFleet();
  const Json view = Run({"status", "-o", "json"}).json();
  EXPECT_EQ(view["nodes"], (Json{{"total", 5}, {"trusted", 3}, {"untrusted", 1}, {"unknown", 1}}));
  EXPECT_EQ(view["untrusted"][0]["name"], "worker-4");
  EXPECT_THAT(Run({"status", "-o", "yaml"}).out, HasSubstr("  trusted: 3\n"));
}

TEST_F(StatusCommand, SaysWhenNoControllerSeemsToRun) {
  AddFleet();
  clock_.Advance(std::chrono::hours(2));
  EXPECT_THAT(Run({"status"}).out, HasSubstr("no controller seems to run"));
}

TEST_F(StatusCommand, AnObjectThatCannotBeReadIsNamedAndHidesNoOther) {
  AddFleet();
  EditStatus("worker-1", [](Json& status) { status["summary"] = 7; });
  const Result result = Run({"status"});
  EXPECT_THAT(result.out, HasSubstr("NODES   2 trusted, 1 untrusted, 1 unknown"));
  EXPECT_THAT(result.out, HasSubstr("NodeAttestation worker-1 cannot be read"));
}

TEST_F(StatusCommand, ExitCodesTellWhatKeepsItFromTheCluster) {
  const auto answering = [&](int status, const std::string& body) {
    server_.Intercept([=](const transport::HttpRequest&)
                          -> std::optional<::plimsoll::Result<transport::HttpResponse>> {
      return transport::HttpResponse{.status = status, .headers = {}, .body = body};
    });
    return Run({"status"});
  };
  const Result forbidden = answering(
      403,
      R"({"reason":"Forbidden","message":"nodeattestations.plimsoll.dev is forbidden\u001b"})");
  EXPECT_EQ(forbidden.code, kExitUnreachable);
  EXPECT_THAT(forbidden.err, HasSubstr("is forbidden"));
  EXPECT_THAT(forbidden.err, Not(HasSubstr("\x1b")));
  const Result nobody = answering(401, R"({"reason":"Unauthorized"})");
  EXPECT_EQ(nobody.code, kExitUnreachable);
  EXPECT_THAT(nobody.err, HasSubstr("does not know you"));
  const Result missing = answering(
      404, R"({"reason":"NotFound","message":"the server could not find the requested resource"})");
  EXPECT_EQ(missing.code, kExitUnreachable);
  EXPECT_THAT(missing.err, HasSubstr("Is Plimsoll installed there?"));
  EXPECT_EQ(answering(503, "{}").code, kExitUnreachable);
  EXPECT_EQ(answering(200, "no JSON").code, kExitUnusable);
  connect_ =
      [](const ConnectionOptions&) -> ::plimsoll::Result<std::unique_ptr<transport::Transport>> {
    return Fail(ErrorCode::kNotFound, "kubeconfig x: there is no context \"y\"");
  };
  EXPECT_EQ(Run({"status"}).code, kExitUnusable);
}

TEST_F(StatusCommand, FlagsOfTheConnectionArePassedOn) {
  Run({"status", "--kubeconfig", "k", "--context", "c", "-n", "ns", "--as", "jane", "--as-group",
       "g", "--request-timeout", "7"});
  ASSERT_EQ(opened_.size(), 1U);
  EXPECT_EQ(opened_[0].kubeconfig, "k");
  EXPECT_EQ(opened_[0].context, "c");
  EXPECT_EQ(opened_[0].namespace_name, "ns");
  EXPECT_EQ(opened_[0].as_user, "jane");
  EXPECT_EQ(opened_[0].as_group, "g");
  EXPECT_EQ(opened_[0].timeout_seconds, 7);
  EXPECT_EQ(Run({"status", "--as-group", "g"}).code, kExitUnusable) << "a group without a user";
}

}  // namespace
}  // namespace plimsoll::plugin
