#include "unit/kubectl-plugin/plugin_test.h"

// baseline: what one good machine teaches, fed back to verify.
namespace plimsoll::plugin {
namespace {

using fakes::MeasuredNode;
using testing::HasSubstr;
using testing::Not;

class BaselineCommand : public PluginTest {
 protected:
  // The baseline of the machine, written to a file; the test fails when there is none.
  std::string Learn(MeasuredNode& machine) {
    const Result result = Run({"baseline", WriteBundle(machine)});
    EXPECT_EQ(result.code, 0) << result.err;
    return Write("baseline.yaml", result.out);
  }

  Result JudgeBy(const std::string& policy, MeasuredNode& machine) {
    return Verify(WriteBundle(machine), {policy});
  }
};

TEST_F(BaselineCommand, TheMachineItselfIsTrusted) {
  MeasuredNode machine;
  const std::string policy = Learn(machine);
  const Result result = JudgeBy(policy, machine);
  EXPECT_EQ(result.code, kExitTrusted) << result.out << result.err;
  const Result again = Run({"baseline", WriteBundle(machine)});
  EXPECT_THAT(again.out, HasSubstr("kind: \"ReferenceValues\""));
  EXPECT_THAT(again.out, HasSubstr("\n---\n"));
  EXPECT_THAT(again.out, HasSubstr("kind: \"AttestationPolicy\""));
  EXPECT_THAT(again.out, HasSubstr("mode: \"Enforce\""));
  EXPECT_THAT(again.out, HasSubstr("name: \"baseline-node-1\""));
}

TEST_F(BaselineCommand, WhatItLearntRefusesAnotherBoot) {
  MeasuredNode machine;
  const std::string policy = Learn(machine);
  const auto reason = [&](auto change) {
    MeasuredNode other;
    change(other.log);
    other.Measure();
    return JudgeBy(policy, other).json()["reason"].get<std::string>();
  };
  EXPECT_EQ(reason([](fakes::EventLogBuilder&) {}), "AllPoliciesPassed");
  EXPECT_EQ(reason([](fakes::EventLogBuilder& log) { log.AddImage(4, "\\x.efi", "evil"); }),
            "BootComponentNotAccepted");
  EXPECT_EQ(reason([](fakes::EventLogBuilder& log) { log.AddGrubFile("/initrd.img", "evil"); }),
            "BootComponentNotAccepted");
  EXPECT_EQ(reason([](fakes::EventLogBuilder& log) {
              log.AddGrub("grub_cmd: ", "linux /vmlinuz init=/bin/sh");
              log.AddGrub("kernel_cmdline: ", "/vmlinuz init=/bin/sh");
            }),
            "CommandLineRejected");
  EXPECT_EQ(reason([](fakes::EventLogBuilder& log) {
              log.AddText(0, fakes::EventType::kPostCode, "other firmware");
            }),
            "PCRMismatch");
}

TEST_F(BaselineCommand, AMachineWithoutALogIsLearntByItsPcrs) {
  MeasuredNode machine;
  machine.send_log = false;
  const std::string policy = Learn(machine);
  EXPECT_EQ(JudgeBy(policy, machine).code, kExitTrusted);
  machine.Extend(4, "another boot loader");
  EXPECT_EQ(JudgeBy(policy, machine).json()["reason"], "PCRMismatch");
}

TEST_F(BaselineCommand, AMachineThatStartsAUkiIsLearnt) {
  MeasuredNode machine(fakes::UkiLog());
  EXPECT_EQ(JudgeBy(Learn(machine), machine).code, kExitTrusted);
  machine.EnterPhases({"enter-initrd"});
  EXPECT_EQ(JudgeBy(Learn(machine), machine).code, kExitTrusted);
}

TEST_F(BaselineCommand, AMachineWithoutSecureBootIsLearntAsOne) {
  fakes::EventLogBuilder log = fakes::TwoBankLog();
  fakes::EventLogBuilder off({tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256});
  off.AddVariable(fakes::kGlobalGuid, "SecureBoot", Bytes{0});
  log.events[fakes::kSecureBootEvent - 1] = off.events.front();
  MeasuredNode machine(log);
  const Result result = Run({"baseline", WriteBundle(machine)});
  EXPECT_THAT(result.out, HasSubstr("secureBoot: \"Ignored\""));
  EXPECT_EQ(JudgeBy(Write("baseline.yaml", result.out), machine).code, kExitTrusted);
}

TEST_F(BaselineCommand, AsReferenceValuesLeavesThePolicyOut) {
  MeasuredNode machine;
  const Result result =
      Run({"baseline", WriteBundle(machine), "--as", "ReferenceValues", "--name", "rack-7"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("name: \"rack-7\""));
  EXPECT_THAT(result.out, Not(HasSubstr("AttestationPolicy")));
  EXPECT_THAT(result.out, Not(HasSubstr("---")));
  const Json policy =
      Object("AttestationPolicy",
             MeasuredNode::PcrPolicy(
                 {{{"bank", "sha256"}, {"index", 7}, {"referenceValueRefs", {"rack-7"}}}}));
  EXPECT_EQ(Verify(WriteBundle(machine),
                   {Write("values.yaml", result.out), WriteObjects("policy.yaml", {policy})})
                .code,
            kExitTrusted);
}

TEST_F(BaselineCommand, AsAttestationPolicyLeavesTheValuesOut) {
  MeasuredNode machine;
  const Result result = Run({"baseline", WriteBundle(machine), "--as", "AttestationPolicy"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("kind: \"AttestationPolicy\""));
  EXPECT_THAT(result.out, Not(HasSubstr("kind: \"ReferenceValues\"")));
}

TEST_F(BaselineCommand, AsJsonItIsAListThatKubectlTakes) {
  MeasuredNode machine;
  const Json list = Run({"baseline", WriteBundle(machine), "-o", "json"}).json();
  EXPECT_EQ(list["kind"], "List");
  EXPECT_EQ(list["items"][0]["kind"], "ReferenceValues");
  EXPECT_EQ(list["items"][1]["kind"], "AttestationPolicy");
}

TEST_F(BaselineCommand, BadEvidenceTeachesNothing) {
  MeasuredNode machine;
  machine.log.events.pop_back();
  const Result result = Run({"baseline", WriteBundle(machine)});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("EventLogMismatch"));
}

TEST_F(BaselineCommand, WrongUsageIsExit3) {
  MeasuredNode machine;
  const std::string bundle = WriteBundle(machine);
  EXPECT_EQ(Run({"baseline"}).code, kExitUnusable);
  EXPECT_EQ(Run({"baseline", bundle, "--as", "Pod"}).code, kExitUnusable);
  EXPECT_EQ(Run({"baseline", Write("x", "{}")}).code, kExitUnusable);
}

TEST_F(BaselineCommand, TextOfALogIsQuotedInYaml) {
  MeasuredNode machine;
  machine.log.AddImage(4, "\\x: [\"'&*!|", "odd");
  machine.log.AddGrubFile("/a: b # c\n---\nkind: x", "odd");
  machine.Measure();
  EXPECT_EQ(JudgeBy(Learn(machine), machine).code, kExitTrusted);
}

}  // namespace
}  // namespace plimsoll::plugin
