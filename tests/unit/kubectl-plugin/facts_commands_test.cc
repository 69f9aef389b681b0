#include "unit/kubectl-plugin/cluster_test.h"

// diff, cohorts, what-if, baseline NODE: what stored facts tell.
namespace plimsoll::plugin {
namespace {

using fakes::MeasuredNode;
using testing::HasSubstr;
using testing::Not;

class DiffCommand : public ClusterTest {};

TEST_F(DiffCommand, EqualBootsHaveNoDifference) {
  AddFleet();
  const Result result = Run({"diff", "worker-1", "worker-2"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "No difference in what they booted.\n");
}

TEST_F(DiffCommand, NamesTheComponentThatOneOfThemLoaded) {
  AddFleet();
  const Result result = Run({"diff", "worker-1", "worker-4"});
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  EXPECT_THAT(result.out, HasSubstr("--- worker-1\n+++ worker-4\n"));
  EXPECT_THAT(result.out, HasSubstr("BootLoader \\EFI\\evil.efi\n+ event "));
  EXPECT_THAT(result.out, HasSubstr("PCR 4 (sha256)\n- "));
  EXPECT_THAT(result.out, Not(HasSubstr("PCR 0")));
  EXPECT_THAT(result.out, Not(HasSubstr("PCR 10"))) << "it differs always";
}

TEST_F(DiffCommand, AsJsonItHoldsOnlyWhatDiffers) {
  AddFleet();
  fakes::EventLogBuilder log = fakes::TwoBankLog();
  fakes::EventLogBuilder off({tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256});
  off.AddVariable(fakes::kGlobalGuid, "SecureBoot", Bytes{0});
  log.events[fakes::kSecureBootEvent - 1] = off.events.front();
  log.AddGrub("grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet debug");
  log.AddGrub("kernel_cmdline: ", "/vmlinuz root=/dev/sda1 ro quiet debug");
  MeasuredNode other(log);
  AddNode("worker-6", other, {});
  const Json diff = Run({"diff", "worker-1", "worker-6", "-o", "json"}).json();
  EXPECT_EQ(diff["equal"], false);
  const Json& differences = diff["differences"];
  EXPECT_EQ(differences["secureBoot"], (Json{{"left", "Enabled"}, {"right", "Disabled"}}));
  EXPECT_EQ(differences["arguments"]["onlyRight"], Json::array({"debug"}));
  EXPECT_FALSE(differences.contains("databases"));
  EXPECT_FALSE(differences.contains("components"));
}

TEST_F(DiffCommand, ANodeWithoutFactsIsNamed) {
  AddFleet();
  server_.Put({kube::kNodeAttestation, "new"}, {{"status", {{"summary", "Unknown"}}}});
  const Result result = Run({"diff", "worker-1", "new"});
  EXPECT_EQ(result.code, kExitUnusable);
  EXPECT_THAT(result.err, HasSubstr("no quote of node new has been verified yet"));
}

class CohortsCommand : public ClusterTest {};

TEST_F(CohortsCommand, TheOddNodeIsAnOutlierAndWhatDiffersIsNamed) {
  AddFleet();
  const Result result = Run({"cohorts"});
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  EXPECT_THAT(result.out, HasSubstr("COHORT 1: 4 nodes, Secure Boot Enabled"));
  EXPECT_THAT(result.out, HasSubstr("  worker-1, worker-2, worker-3, worker-5\n"));
  EXPECT_THAT(result.out, HasSubstr("COHORT 2 (outlier): 1 node, Secure Boot Enabled"));
  EXPECT_THAT(result.out,
              HasSubstr("  differs from cohort 1 by:\n    also BootLoader \\EFI\\evil.efi\n"));
}

TEST_F(CohortsCommand, WhatNamesOneMachinesDiskMakesNoGroupOfItsOwn) {
  const auto add = [&](const std::string& name, const std::string& line) {
    fakes::EventLogBuilder log = fakes::TwoBankLog();
    log.AddGrub("kernel_cmdline: ", "/vmlinuz " + line);
    MeasuredNode machine(log);
    AddNode(name, machine, {});
  };
  add("a", "root=UUID=3f3e5c05-2f7a-4d9c-9a53-d3a1f5a4c0de ro");
  add("b", "root=UUID=aaaaaaaa-2f7a-4d9c-9a53-d3a1f5a4c0de ro");
  add("c", "root=UUID=aaaaaaaa-2f7a-4d9c-9a53-d3a1f5a4c0de ro init=/bin/sh");
  const Json view = Run({"cohorts", "-o", "json"}).json();
  ASSERT_EQ(view["cohorts"].size(), 2U) << view.dump(1);
  EXPECT_EQ(view["cohorts"][0]["nodes"], Json::array({"a", "b"}));
  EXPECT_EQ(view["cohorts"][0]["outlier"], false);
  EXPECT_EQ(view["cohorts"][1]["outlier"], false) << "two are no crowd";
}

TEST_F(CohortsCommand, PcrsCanBeAskedForThatDifferMore) {
  MeasuredNode one;
  AddNode("a", one, {});
  MeasuredNode two;
  two.Extend(14, "other keys of shim");
  AddNode("b", two, {});
  EXPECT_EQ(Run({"cohorts", "-o", "json"}).json()["cohorts"].size(), 1U);
  EXPECT_EQ(Run({"cohorts", "--pcrs", "0,7,14", "-o", "json"}).json()["cohorts"].size(), 2U);
}

TEST_F(CohortsCommand, ProposesOneSetAGroupThatItsNodesPass) {
  AddFleet();
  const Result result = Run({"cohorts", "--as", "ReferenceValues", "--name", "rack"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("name: \"rack-1\""));
  EXPECT_THAT(result.out, HasSubstr("name: \"rack-2\""));
  EXPECT_THAT(result.out, HasSubstr("learnt from 4 like nodes, worker-1 for one"));
  Json policy = BootPolicy("by-cohort");
  for (Json& pcr : policy["spec"]["pcrs"]) {
    if (pcr.contains("referenceValueRefs")) {
      pcr["referenceValueRefs"] = {"rack-1"};
    }
  }
  policy["spec"]["boot"]["databaseRefs"] = {"rack-1"};
  policy["spec"]["boot"]["componentRefs"] = {"rack-1"};
  policy["spec"]["boot"]["kernelCommandLine"]["referenceValueRefs"] = {"rack-1"};
  const Json view =
      Run({"what-if", "-f", Write("sets.yaml", result.out), "-f",
           WriteObjects("policy.yaml", {Object("AttestationPolicy", policy)}), "-o", "json"})
          .json();
  for (const Json& row : view["policies"]) {
    if (row["name"] == "by-cohort") {
      EXPECT_EQ(row["passing"], 4) << row.dump(1);
      EXPECT_EQ(row["failing"], 1);
    }
  }
}

class WhatIfCommand : public ClusterTest {
 protected:
  Json WhatIf(const std::vector<Json>& objects) {
    const Result result = Run({"what-if", "-f", WriteObjects("new.yaml", objects), "-o", "json"});
    EXPECT_EQ(result.err, "");
    return result.json();
  }
};

TEST_F(WhatIfCommand, ANewPolicyIsJudgedOnEveryNodesStoredFacts) {
  AddFleet();
  Json strict = BootPolicy("strict");
  strict["spec"]["boot"]["kernelCommandLine"]["mustNotContain"] = {"quiet"};
  const std::string file = WriteObjects("new.yaml", {Object("AttestationPolicy", strict)});
  const Result result = Run({"what-if", "-f", file});
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  EXPECT_THAT(result.out, HasSubstr("POLICY strict (Enforce, new): 5 matched, 0 passing, 5 failing,"
                                    " 0 unknown\n"));
  EXPECT_THAT(result.out, HasSubstr("  Fail worker-1: CommandLineRejected: "));
  EXPECT_THAT(result.out, HasSubstr("  worker-1: Trusted -> Untrusted: CommandLineRejected"));
  EXPECT_THAT(result.out, Not(HasSubstr("  worker-4: Trusted")));
}

TEST_F(WhatIfCommand, APolicyThatAllPassChangesNothing) {
  AddFleet();
  server_.Remove({kube::kNodeAttestation, "worker-4"});
  Json policy = BootPolicy("another");
  const std::string file = WriteObjects("new.yaml", {Object("AttestationPolicy", policy)});
  const Result result = Run({"what-if", "-f", file});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("4 matched, 4 passing, 0 failing, 0 unknown"));
  EXPECT_THAT(result.out, HasSubstr("No node's verdict would change."));
}

TEST_F(WhatIfCommand, AChangedSetJudgesThePresentPoliciesAgain) {
  AddFleet();
  MeasuredNode machine;
  Json revoked = machine.values;
  revoked["spec"]["state"] = "Revoked";
  const Json view = WhatIf({Object("ReferenceValues", revoked)});
  ASSERT_EQ(view["policies"].size(), 1U) << view.dump(1);
  EXPECT_EQ(view["policies"][0]["name"], "measured-boot");
  EXPECT_EQ(view["policies"][0]["change"], "same");
  EXPECT_EQ(view["policies"][0]["failing"], 5);
  EXPECT_EQ(view["changes"][0]["reason"], "ReferenceRevoked");
}

TEST_F(WhatIfCommand, AnAuditPolicyChangesNoVerdictButShowsWhoWouldFail) {
  AddFleet();
  Json audit = MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 4}, {"anyOf", {std::string(64, 'b')}}}});
  audit["spec"]["mode"] = "Audit";
  const Json view = WhatIf({Object("AttestationPolicy", audit)});
  EXPECT_EQ(view["policies"][0]["failing"], 5);
  EXPECT_EQ(view["changes"], Json::array());
}

TEST_F(WhatIfCommand, SelectorsAndIdentitiesCount) {
  AddFleet();
  server_.Edit({kube::kNode, "worker-1"},
               [](Json& node) { node["metadata"]["labels"]["rack"] = "7"; });
  server_.Edit({kube::kTpmIdentity, "ek-worker-1"},
               [](Json& identity) { identity["spec"]["decision"] = "Denied"; });
  Json policy = BootPolicy("rack-7");
  policy["spec"]["nodeSelector"] = {{"matchLabels", {{"rack", "7"}}}};
  const Json view = WhatIf({Object("AttestationPolicy", policy)});
  EXPECT_EQ(view["policies"][0]["matched"], 1);
  EXPECT_EQ(view["policies"][0]["passing"], 0);
  EXPECT_EQ(view["policies"][0]["nodes"][0]["reason"], "IdentityDenied");
}

TEST_F(WhatIfCommand, APolicyThatCannotBeJudgedIsSaidToBeSo) {
  AddFleet();
  Json policy = BootPolicy("dangling");
  policy["spec"]["boot"]["componentRefs"] = {"nowhere"};
  const std::string file = WriteObjects("new.yaml", {Object("AttestationPolicy", policy)});
  const Result result = Run({"what-if", "-f", file});
  EXPECT_EQ(result.code, kExitUntrusted);
  EXPECT_THAT(result.out, HasSubstr("not ready: ReferenceValues nowhere does not exist"));
  EXPECT_THAT(result.out, HasSubstr("5 unknown"));
}

TEST_F(WhatIfCommand, RulesAboutImaAreSaidToBeBeyondStoredFacts) {
  AddFleet();
  Json policy = MeasuredNode::FullPolicy();
  policy["metadata"]["name"] = "with-ima";
  const Json view = WhatIf({Object("AttestationPolicy", policy)});
  EXPECT_EQ(view["policies"][0]["unknown"], 4) << view.dump(1);
  EXPECT_EQ(view["policies"][0]["failing"], 1) << "its boot fails all the same";
  EXPECT_THAT(view["notes"].dump(), HasSubstr("rules about IMA cannot be judged"));
}

TEST_F(WhatIfCommand, ImaRulesThatStayKeepTheirLastResult) {
  MeasuredNode machine;
  Json full = MeasuredNode::FullPolicy();
  AddNode("worker-1", machine, {full});
  AddPolicy(full);
  AddSet(machine.values);
  Json other = MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 0}, {"anyOf", {std::string(64, 'b')}}}});
  const Json view = WhatIf({Object("AttestationPolicy", other)});
  ASSERT_EQ(view["changes"].size(), 1U) << view.dump(1);
  EXPECT_EQ(view["changes"][0]["from"], "Trusted");
}

TEST_F(WhatIfCommand, AChangedPolicyKeepsTheBaselinesOfTheOneThatIsThere) {
  MeasuredNode machine;
  AddNode("worker-1", machine, {});
  Json policy =
      MeasuredNode::PcrPolicy({{{"bank", "sha256"}, {"index", 1}, {"match", "Unchanged"}}});
  AddPolicy(policy);
  server_.Edit({kube::kTpmIdentity, "ek-worker-1"}, [&](Json& identity) {
    identity["status"]["baselines"] = Json::array(
        {{{"policyUID", fakes::PolicyUid("pcrs")},
          {"time", "2026-11-24T07:00:00Z"},
          {"pcrs", {{{"bank", "sha256"}, {"index", 1}, {"digest", std::string(64, 'b')}}}}}});
  });
  policy["spec"]["mode"] = "Audit";
  const Json view = WhatIf({Object("AttestationPolicy", policy)});
  EXPECT_EQ(view["policies"][0]["change"], "changed");
  EXPECT_EQ(view["policies"][0]["failing"], 1) << view.dump(1);
}

TEST_F(WhatIfCommand, AnAuthorityThatTheControllerFindsReadyNeedsNotBeReadAgain) {
  AddFleet();
  const auto authority = [&](const std::string& ready) {
    server_.Put(
        {kube::kEndorsementAuthority, "vendors"},
        {{"spec",
          {{"bundles",
            {{{"configMapKeyRef", {{"namespace", "x"}, {"name", "y"}, {"key", "ca.pem"}}}}}}}},
         {"status", {{"conditions", Json::array({Condition("Ready", ready, "Reported")})}}}});
  };
  Json policy = BootPolicy("by-certificate");
  policy["spec"]["identity"] = {{"admission", "EndorsementCertificate"},
                                {"endorsementAuthorityRefs", {"vendors"}}};
  authority("True");
  EXPECT_EQ(WhatIf({Object("AttestationPolicy", policy)})["policies"][0]["passing"], 4)
      << "a person's approval counts too";
  authority("False");
  const Json view = WhatIf({Object("AttestationPolicy", policy)});
  EXPECT_EQ(view["policies"][0]["unknown"], 5);
  EXPECT_THAT(view["policies"][0]["problem"].get<std::string>(), HasSubstr("vendors"));
}

TEST_F(WhatIfCommand, NodesWithoutFactsAreCountedAndUnknownFieldsRefused) {
  AddFleet();
  server_.Put({kube::kNode, "new"}, fakes::NodeObject());
  server_.Put({kube::kNodeAttestation, "new"}, {{"status", {{"summary", "Unknown"}}}});
  const Json view = WhatIf({Object("AttestationPolicy", BootPolicy("another"))});
  EXPECT_EQ(view["withoutFacts"], Json::array({"new"}));
  Json typo = BootPolicy("typo");
  typo["spec"]["pcr"] = 1;
  const std::string file = WriteObjects("typo.yaml", {Object("AttestationPolicy", typo)});
  const Result refused = Run({"what-if", "-f", file});
  EXPECT_EQ(refused.code, kExitUnusable);
  EXPECT_THAT(refused.err, HasSubstr("unknown field"));
  EXPECT_EQ(Run({"what-if"}).code, kExitUnusable);
}

class NodeBaselineCommand : public ClusterTest {};

TEST_F(NodeBaselineCommand, WhatANodeTeachesItPassesItself) {
  AddFleet();
  const Result result = Run({"baseline", "worker-1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("name: \"baseline-worker-1\""));
  const Json view = Run({"what-if", "-f", Write("learnt.yaml", result.out), "-o", "json"}).json();
  EXPECT_EQ(view["policies"][0]["passing"], 4) << view.dump(1);
  EXPECT_EQ(view["policies"][0]["failing"], 1);
}

TEST_F(NodeBaselineCommand, LearnsTheSameAsFromTheMachinesBundle) {
  MeasuredNode machine;
  AddNode("node-1", machine, {});
  const Result of_node = Run({"baseline", "node-1", "--as", "ReferenceValues"});
  const Result of_file = Run({"baseline", WriteBundle(machine), "--as", "ReferenceValues"});
  EXPECT_EQ(of_node.code, 0) << of_node.err;
  EXPECT_EQ(of_node.out, of_file.out);
}

TEST_F(NodeBaselineCommand, WarnsOfANodeThatIsUntrusted) {
  AddFleet();
  EXPECT_THAT(Run({"baseline", "worker-4"}).err, HasSubstr("warning: node worker-4 is Untrusted"));
  EXPECT_EQ(Run({"baseline", "worker-9"}).code, kExitUnusable);
}

}  // namespace
}  // namespace plimsoll::plugin
