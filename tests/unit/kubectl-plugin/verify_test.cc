#include "unit/kubectl-plugin/plugin_test.h"

// verify: what a bundle is worth, as exit code, JSON and table.
namespace plimsoll::plugin {
namespace {

using fakes::MeasuredNode;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class VerifyCommand : public PluginTest {
 protected:
  MeasuredNode machine_;
};

TEST_F(VerifyCommand, AGoodBundleUnderAFullPolicyIsTrusted) {
  const Result result = Verify(WriteBundle(machine_), {WriteFullPolicy(machine_)});
  EXPECT_EQ(result.code, kExitTrusted) << result.out << result.err;
  EXPECT_EQ(result.err, "");
  const Json json = result.json();
  EXPECT_EQ(json["verdict"], "Trusted");
  EXPECT_EQ(json["reason"], "AllPoliciesPassed");
  EXPECT_EQ(json["facts"]["boot"]["secureBoot"], "Enabled");
  EXPECT_EQ(json["facts"]["boot"]["kernelCommandLine"], "/vmlinuz root=/dev/sda1 ro quiet");
  EXPECT_EQ(json["facts"]["ima"]["entries"], 21);
  EXPECT_EQ(json["policies"][0]["name"], "full");
  EXPECT_EQ(json["policies"][0]["result"], "Pass");
}

TEST_F(VerifyCommand, TheJsonHasTheMembersThatProgramsRead) {
  const Json json = Verify(WriteBundle(machine_)).json();
  for (const char* const member : {"verdict", "reason", "message"}) {
    EXPECT_TRUE(json[member].is_string()) << member;
  }
  EXPECT_TRUE(json["findings"].is_array());
  EXPECT_TRUE(json["policies"].is_array());
  EXPECT_TRUE(json["facts"].is_object());
}

TEST_F(VerifyCommand, WithoutAPolicyGoodEvidenceIsUnknown) {
  const Result result = Verify(WriteBundle(machine_));
  EXPECT_EQ(result.code, kExitUnknown);
  EXPECT_EQ(result.json()["verdict"], "Unknown");
  EXPECT_EQ(result.json()["reason"], "NoEnforcingPolicy");
}

TEST_F(VerifyCommand, AnAuditPolicyAloneNeverMakesTrusted) {
  Json policy = MeasuredNode::FullPolicy();
  policy["spec"]["mode"] = "Audit";
  Write("files.sha256", machine_.AllowList());
  const std::string file = WriteObjects("audit.yaml", {Object("ReferenceValues", machine_.values),
                                                       Object("AttestationPolicy", policy)});
  const Result result = Verify(WriteBundle(machine_), {file});
  EXPECT_EQ(result.code, kExitUnknown);
  EXPECT_EQ(result.json()["reason"], "NoEnforcingPolicy");
  EXPECT_EQ(result.json()["policies"][0]["result"], "Pass");
}

TEST_F(VerifyCommand, ASuspendedPolicyMakesNothingTrusted) {
  Json policy = MeasuredNode::FullPolicy();
  policy["spec"]["mode"] = "Suspended";
  Write("files.sha256", machine_.AllowList());
  const std::string file = WriteObjects(
      "suspended.yaml",
      {Object("ReferenceValues", machine_.values), Object("AttestationPolicy", policy)});
  EXPECT_EQ(Verify(WriteBundle(machine_), {file}).code, kExitUnknown);
}

TEST_F(VerifyCommand, EveryGivenPolicyApplies) {
  Json other = MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 3}, {"anyOf", {std::string(64, 'a')}}}});
  const std::string second = WriteObjects("second.yaml", {Object("AttestationPolicy", other)});
  const Result result = Verify(WriteBundle(machine_), {WriteFullPolicy(machine_), second});
  EXPECT_EQ(result.code, kExitUntrusted);
  EXPECT_EQ(result.json()["reason"], "PCRMismatch");
}

// As a controller keeps it of a later round.
TEST_F(VerifyCommand, AListThatBeginsInItsMiddleIsNotJudged) {
  const std::string policy = WriteFullPolicy(machine_);
  machine_.list.erase(machine_.list.begin(), machine_.list.begin() + 10);
  machine_.NameWhatIsSent();
  machine_.node.statement.ima->from = 10;
  machine_.node.statement.ima->total = 21;
  const std::string bundle =
      Write("middle.json", evidence::EncodeBundle(FrameOf(machine_), machine_.EvidenceAsStated()));
  const Result result = Verify(bundle, {policy});
  EXPECT_EQ(result.code, kExitUnknown) << result.out;
  EXPECT_EQ(result.json()["reason"], "RuntimeListPending");
  EXPECT_THAT(result.json()["message"].get<std::string>(), HasSubstr("begins in its middle"));
  EXPECT_EQ(Verify(bundle).json()["reason"], "NoEnforcingPolicy");

  machine_.node.statement.ima->sha256[0] ^= 1U;
  EXPECT_EQ(Verify(Write("lie.json",
                         evidence::EncodeBundle(FrameOf(machine_), machine_.EvidenceAsStated())))
                .json()["reason"],
            "RuntimeListMismatch");
}

TEST_F(VerifyCommand, NodeSelectorsAreNotEvaluated) {
  Json policy =
      MeasuredNode::PcrPolicy({{{"bank", "sha256"}, {"index", 0}, {"anyOf", {machine_.Pcr(0)}}}});
  policy["spec"]["nodeSelector"] = {{"matchLabels", {{"pool", "gpu"}}}};
  EXPECT_EQ(
      Verify(WriteBundle(machine_), {WriteObjects("p.yaml", {Object("AttestationPolicy", policy)})})
          .code,
      kExitTrusted);
}

TEST_F(VerifyCommand, AFindingHasAllThatAPersonNeeds) {
  machine_.log.AddImage(4, "\\EFI\\debian\\grubx64.efi", "evil");
  machine_.Measure();
  const Result result = Verify(WriteBundle(machine_), {WriteFullPolicy(machine_)});
  EXPECT_EQ(result.code, kExitUntrusted);
  const Json json = result.json();
  EXPECT_EQ(json["reason"], "BootComponentNotAccepted");
  ASSERT_EQ(json["findings"].size(), 2U) << "and a remark that the admission was not judged";
  const Json& finding = json["findings"][0];
  EXPECT_EQ(finding["policy"], "full");
  EXPECT_EQ(finding["check"], "B3");
  EXPECT_EQ(finding["reason"], "BootComponentNotAccepted");
  EXPECT_EQ(finding["pcr"]["bank"], "sha256");
  EXPECT_EQ(finding["pcr"]["index"], 4);
  EXPECT_EQ(finding["event"]["index"], 28);
  EXPECT_EQ(finding["event"]["type"], "EV_EFI_BOOT_SERVICES_APPLICATION");
  EXPECT_EQ(finding["observed"], ToHex(ima::Sha256("evil")));
  EXPECT_EQ(finding["closest"], "machine");
  EXPECT_EQ(finding["message"],
            "boot loader \\EFI\\debian\\grubx64.efi is in no accepted reference set; closest: "
            "machine");
}

TEST_F(VerifyCommand, AFindingAboutTheEvidenceStandsOnceAndBelongsToNoPolicy) {
  const std::string policy = WriteFullPolicy(machine_);
  Json other = Object(
      "AttestationPolicy",
      MeasuredNode::PcrPolicy({{{"bank", "sha256"}, {"index", 0}, {"anyOf", {machine_.Pcr(0)}}}}));
  machine_.Extend(0, "more");
  machine_.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12");
  const Json json = Verify(WriteBundle(machine_), {policy, WriteObjects("o.yaml", {other})}).json();
  size_t mismatches = 0;
  for (const Json& finding : json["findings"]) {
    if (finding["check"] == "L1") {
      ++mismatches;
      EXPECT_FALSE(finding.contains("policy"));
      EXPECT_EQ(finding["observed"], machine_.Pcr(0));
    }
  }
  EXPECT_EQ(mismatches, 1U) << json["findings"].dump(1);
}

TEST_F(VerifyCommand, TheTableSaysVerdictReasonAndFindings) {
  const std::string policy = WriteFullPolicy(machine_);
  const std::string good = WriteBundle(machine_);
  const Result trusted = Run({"verify", good, "--policy", policy});
  EXPECT_EQ(trusted.code, kExitTrusted);
  EXPECT_THAT(trusted.out, HasSubstr("VERDICT   Trusted\nREASON    AllPoliciesPassed\n"));
  EXPECT_THAT(trusted.out, HasSubstr("POLICY    full (Enforce): Pass"));
  EXPECT_THAT(trusted.out, HasSubstr("SECURE BOOT"));
  machine_.log.AddImage(4, "\\evil.efi", "evil");
  machine_.Measure();
  const Result bad = Run({"verify", WriteBundle(machine_), "--policy", policy});
  EXPECT_EQ(bad.code, kExitUntrusted);
  EXPECT_THAT(bad.out, HasSubstr("VERDICT   Untrusted\nREASON    BootComponentNotAccepted\n"));
  EXPECT_THAT(bad.out, HasSubstr("boot loader \\evil.efi is in no accepted reference set"));
  EXPECT_THAT(bad.out, HasSubstr(ToHex(ima::Sha256("evil")))) << "what was measured";
  EXPECT_THAT(bad.out, HasSubstr("event 28"));
}

TEST_F(VerifyCommand, TextOfALogCannotForgeLinesOfATable) {
  machine_.log.AddImage(4, "\\x\nVERDICT   Trusted\x1B[2J", "evil");
  machine_.Measure();
  const std::string policy = WriteFullPolicy(MeasuredNode());
  const Result result = Run({"verify", WriteBundle(machine_), "--policy", policy});
  EXPECT_EQ(result.code, kExitUntrusted);
  EXPECT_THAT(result.out, Not(HasSubstr("\nVERDICT   Trusted")));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1B")));
}

TEST_F(VerifyCommand, ABundleMayComeByStandardInput) {
  const std::string text = BundleJson(machine_).dump();
  EXPECT_EQ(Run({"verify", "-", "--policy", WriteFullPolicy(machine_)}, text).code, kExitTrusted);
}

TEST_F(VerifyCommand, WhatCannotBeReadOrUsedIsExit3WithAMessage) {
  const std::string good = WriteBundle(machine_);
  const std::string policy = WriteFullPolicy(machine_);
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"verify"},
      {"unknown-command"},
      {"verify", good, "--unknown"},
      {"verify", good, "-o", "yaml"},
      {"verify", (folder_ / "missing").string()},
      {"verify", folder_.string()},
      {"verify", Write("text", "no JSON")},
      {"verify", Write("list", "[]")},
      {"verify", good, "--policy", (folder_ / "missing").string()},
      {"verify", good, "--policy", good},
  };
  for (const std::vector<std::string>& arguments : wrong) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, kExitUnusable) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, Not(IsEmpty())) << testing::PrintToString(arguments);
    EXPECT_EQ(result.out, "") << testing::PrintToString(arguments);
  }
}

TEST_F(VerifyCommand, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(Run({"--help"}).code, 0);
  EXPECT_EQ(Run({"--version"}).code, 0);
  const Result help = Run({"verify", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("Exit status: 0 Trusted, 1 Untrusted, 2 Unknown"));
}

}  // namespace
}  // namespace plimsoll::plugin
