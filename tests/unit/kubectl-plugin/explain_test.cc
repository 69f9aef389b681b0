#include "unit/kubectl-plugin/cluster_test.h"

namespace plimsoll::plugin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ExplainCommand : public ClusterTest {};

TEST_F(ExplainCommand, GoesFromTheVerdictToTheEventInTheBootLog) {
  AddFleet();
  const Result result = Run({"explain", "worker-4"});
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  EXPECT_THAT(result.out, HasSubstr("VERDICT    Untrusted for 25m\n"));
  EXPECT_THAT(result.out, HasSubstr("REASON     BootComponentNotAccepted\n"));
  EXPECT_THAT(result.out,
              HasSubstr("POLICY     measured-boot (Enforce): Fail, BootComponentNotAccepted\n"));
  EXPECT_THAT(result.out, HasSubstr("EV_EFI_BOOT_SERVICES_APPLICATION BootLoader \\EFI\\evil.efi"));
  EXPECT_THAT(result.out, HasSubstr("closest: ReferenceValues machine"));
  EXPECT_THAT(result.out, HasSubstr("kubectl plimsoll baseline worker-4 --as ReferenceValues"));
  EXPECT_THAT(result.out, HasSubstr("Unknown -> Untrusted: BootComponentNotAccepted"));
  EXPECT_THAT(result.out, HasSubstr("IDENTITY   ek-worker-4: Approved, admitted\n"));
  EXPECT_THAT(result.out, HasSubstr("admitted by       Human (1)"));
}

TEST_F(ExplainCommand, AsJsonItNamesTheEventByIndexTypeAndPath) {
  AddFleet();
  const Json view = Run({"explain", "worker-4", "-o", "json"}).json();
  EXPECT_EQ(view["verdict"], "Untrusted");
  const Json& violations = view["policies"][0]["violations"];
  const auto found = std::find_if(violations.begin(), violations.end(), [](const Json& violation) {
    return violation.contains("event") && violation["event"].value("path", "") == "\\EFI\\evil.efi";
  });
  ASSERT_NE(found, violations.end()) << violations.dump(1);
  EXPECT_EQ((*found)["check"], "B3");
  EXPECT_EQ((*found)["pcr"], 4);
  EXPECT_EQ((*found)["event"]["type"], "EV_EFI_BOOT_SERVICES_APPLICATION");
  EXPECT_EQ((*found)["event"]["role"], "BootLoader");
  EXPECT_EQ((*found)["closest"], "machine");
}

TEST_F(ExplainCommand, TheExitCodeIsTheVerdicts) {
  AddFleet();
  EXPECT_EQ(Run({"explain", "worker-1"}).code, kExitTrusted);
  EXPECT_EQ(Run({"explain", "worker-4"}).code, kExitUntrusted);
  const Result unknown = Run({"explain", "worker-5"});
  EXPECT_EQ(unknown.code, kExitUnknown);
  EXPECT_THAT(unknown.out, HasSubstr("expired 45m ago"));
  EXPECT_THAT(unknown.out, HasSubstr("kubectl plimsoll reattest worker-5"));
  const Result absent = Run({"explain", "worker-9"});
  EXPECT_EQ(absent.code, kExitUnusable);
  EXPECT_THAT(absent.err, HasSubstr("is there such a Node"));
}

TEST_F(ExplainCommand, ShowsTheMarksOfTheNodeAndWhyATaintIsWithheld) {
  AddFleet();
  server_.Edit({kube::kNode, "worker-4"}, [](Json& node) {
    node["metadata"]["labels"][kTrustLabel] = "false";
    node["status"]["conditions"].push_back(
        Condition("plimsoll.dev/Trusted", "False", "BootComponentNotAccepted"));
  });
  EditStatus("worker-4", [](Json& status) {
    status["enforcement"]["withheldBy"] = "AttestationException/upgrade";
  });
  server_.Put({kube::kAttestationException, "upgrade"},
              {{"spec",
                {{"nodeNames", {"worker-4"}},
                 {"reason", "firmware update"},
                 {"expiresAt", "2026-11-24T11:00:00Z"}}}});
  const Result result = Run({"explain", "worker-4"});
  EXPECT_THAT(result.out, HasSubstr("  label      false\n  taint      none\n"
                                    "  condition  plimsoll.dev/Trusted=False\n"));
  EXPECT_THAT(result.out, HasSubstr("The taint is withheld (AttestationException/upgrade): "
                                    "AttestationException upgrade: firmware update (ends in 3h)"));
  EXPECT_THAT(result.out,
              HasSubstr("AttestationException upgrade covers this node: firmware update"));
  EditStatus("worker-4",
             [](Json& status) { status["enforcement"]["withheldBy"] = "BudgetExceeded"; });
  EXPECT_THAT(Run({"explain", "worker-4"}).out, HasSubstr("maxUntrusted"));
  EditStatus("worker-4",
             [](Json& status) { status["enforcement"]["withheldBy"] = "StagedRollout/new"; });
  EXPECT_THAT(Run({"explain", "worker-4"}).out, HasSubstr("policy new is rolled out step by step"));
}

TEST_F(ExplainCommand, WithoutTheRightToReadNodesItShowsWhatTheControllerSaw) {
  AddFleet();
  EditStatus("worker-4", [](Json& status) { status["enforcement"]["label"] = "false"; });
  server_.Intercept([](const transport::HttpRequest& request)
                        -> std::optional<::plimsoll::Result<transport::HttpResponse>> {
    if (request.path_and_query.starts_with("/api/v1/nodes")) {
      return transport::HttpResponse{
          .status = 403, .headers = {}, .body = R"({"reason":"Forbidden","message":"no"})"};
    }
    return std::nullopt;
  });
  const Result result = Run({"explain", "worker-4"});
  EXPECT_EQ(result.code, kExitUntrusted);
  EXPECT_THAT(result.out, HasSubstr("as the controller last saw them"));
  EXPECT_THAT(result.out, HasSubstr("  label      false\n"));
}

TEST_F(ExplainCommand, OnePolicyCanBeAskedFor) {
  AddFleet();
  EXPECT_THAT(Run({"explain", "worker-4", "--policy", "measured-boot"}).out,
              HasSubstr("measured-boot"));
  const Result other = Run({"explain", "worker-4", "--policy", "other"});
  EXPECT_EQ(other.code, kExitUnusable);
  EXPECT_THAT(other.err, HasSubstr("policy other does not select node worker-4"));
}

TEST_F(ExplainCommand, SaysThatAPersonMustAcknowledgeAndThatTheIdentityHasAConflict) {
  AddFleet();
  server_.Edit({kube::kAttestationPolicy, "measured-boot"},
               [](Json& policy) { policy["spec"]["enforcement"]["recovery"] = "Acknowledged"; });
  server_.Edit({kube::kTpmIdentity, "ek-worker-4"}, [](Json& identity) {
    identity["status"]["conditions"] =
        Json::array({Condition("ConflictFree", "False", "SharedTPM", "also behind worker-9")});
  });
  const Result result = Run({"explain", "worker-4"});
  EXPECT_THAT(result.out, HasSubstr("kubectl plimsoll acknowledge worker-4"));
  EXPECT_THAT(result.out, HasSubstr("ConflictFree      SharedTPM: also behind worker-9"));
}

TEST_F(ExplainCommand, HostileTextCannotReachTheTerminal) {
  AddFleet();
  EditStatus("worker-4", [](Json& status) {
    status["conditions"][0]["message"] = "fine\x1b[2J\nVERDICT    Trusted";
    status["policies"][0]["name"] = "p\u202e";
    status["policies"][0]["violations"][0]["message"] = "x\x9b";
  });
  for (const char* format : {"table", "json", "yaml"}) {
    const Result result = Run({"explain", "worker-4", "-o", format});
    EXPECT_THAT(result.out, Not(HasSubstr("\x1b"))) << format;
    EXPECT_THAT(result.out, Not(HasSubstr("\xE2\x80\xAE"))) << format;
    EXPECT_THAT(result.out, Not(HasSubstr("\nVERDICT    Trusted"))) << format;
  }
}

TEST_F(ExplainCommand, StoredFactsThatCannotBeReadAreSaidToBeSo) {
  AddFleet();
  EditStatus("worker-4", [](Json& status) { status["boot"]["facts"] = "AAAA"; });
  const Result result = Run({"explain", "worker-4"});
  EXPECT_EQ(result.code, kExitUntrusted);
  EXPECT_THAT(result.out, AllOf(HasSubstr("FACTS"), HasSubstr("cannot be read")));
}

}  // namespace
}  // namespace plimsoll::plugin
