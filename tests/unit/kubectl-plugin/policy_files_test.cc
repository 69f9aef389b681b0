#include "unit/kubectl-plugin/plugin_test.h"

// Policy files: what makes a file unusable (exit 3), and what makes a policy that cannot be judged
// (exit 2).
namespace plimsoll::plugin {
namespace {

using fakes::MeasuredNode;
using testing::HasSubstr;

class PolicyFiles : public PluginTest {
 protected:
  PolicyFiles() : bundle_(WriteBundle(machine_)) {}

  Json GoodPolicy() const {
    return Object("AttestationPolicy",
                  MeasuredNode::PcrPolicy(
                      {{{"bank", "sha256"}, {"index", 0}, {"anyOf", {machine_.Pcr(0)}}}}));
  }

  Result VerifyUnder(const std::vector<Json>& objects) const {
    return Verify(bundle_, {WriteObjects("policy.yaml", objects)});
  }
  Result VerifyText(const std::string& text) const {
    return Verify(bundle_, {Write("policy.yaml", text)});
  }

  void ExpectUnusable(const Result& result, const std::string& message) const {
    EXPECT_EQ(result.code, kExitUnusable) << result.out;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_THAT(result.err, HasSubstr("policy.yaml"));
  }

  void ExpectNotReady(const Result& result, const std::string& message) const {
    EXPECT_EQ(result.code, kExitUnknown) << result.out << result.err;
    EXPECT_EQ(result.json()["reason"], "PolicyNotReady");
    EXPECT_THAT(result.json()["message"].get<std::string>(), HasSubstr(message));
  }

  MeasuredNode machine_;
  std::string bundle_;
};

TEST_F(PolicyFiles, YamlAsPeopleWriteItIsRead) {
  EXPECT_EQ(VerifyText("# a comment\n---\napiVersion: plimsoll.dev/v1alpha1\n"
                       "kind: AttestationPolicy\nmetadata:\n  name: by-hand\nspec:\n"
                       "  mode: Enforce\n  nodeSelector: {}\n  pcrs:\n"
                       "  - {bank: sha256, index: 0, anyOf: [\"" +
                       machine_.Pcr(0) + "\"]}\n")
                .code,
            kExitTrusted);
}

TEST_F(PolicyFiles, WhatIsNoYamlOfOurKindsIsUnusable) {
  Json other_version = GoodPolicy();
  other_version["apiVersion"] = "plimsoll.dev/v2";
  Json other_kind = GoodPolicy();
  other_kind["kind"] = "AttestationPolicies";
  Json no_kind = GoodPolicy();
  no_kind.erase("kind");
  Json no_name = GoodPolicy();
  no_name["metadata"].erase("name");
  ExpectUnusable(VerifyUnder({other_version}), "plimsoll.dev/v1alpha1");
  ExpectUnusable(VerifyUnder({other_kind}), "unknown kind \"AttestationPolicies\"");
  ExpectUnusable(VerifyUnder({no_kind}), "plimsoll.dev/v1alpha1");
  ExpectUnusable(VerifyUnder({no_name}), "without a name");
  ExpectUnusable(VerifyText("- a\n- b\n"), "not an object");
  ExpectUnusable(VerifyText("spec: {a: [}\n"), "");
  ExpectUnusable(VerifyText("a: &x 1\nb: *x\n"), "");
}

TEST_F(PolicyFiles, AnUnknownFieldAnywhereIsUnusableAndNamed) {
  const std::vector<std::pair<Json::json_pointer, std::string>> fields = {
      {Json::json_pointer("/specs"), "specs"},
      {Json::json_pointer("/spec/pcr"), "spec.pcr"},
      {Json::json_pointer("/spec/pcrs/0/anyof"), "spec.pcrs[0].anyof"},
      {Json::json_pointer("/spec/boot/secureboot"), "spec.boot.secureboot"},
      {Json::json_pointer("/spec/boot/kernelCommandLine/mustcontain"),
       "spec.boot.kernelCommandLine.mustcontain"},
      {Json::json_pointer("/spec/runtime/ima/Mode"), "spec.runtime.ima.Mode"},
      {Json::json_pointer("/spec/runtime/evm"), "spec.runtime.evm"},
      {Json::json_pointer("/spec/identity/admissions"), "spec.identity.admissions"},
      {Json::json_pointer("/spec/tpm/clock"), "spec.tpm.clock"},
  };
  for (const auto& [pointer, name] : fields) {
    Json policy = GoodPolicy();
    policy[pointer] = "x";
    ExpectUnusable(VerifyUnder({policy}), name);
  }
  const std::vector<std::pair<Json::json_pointer, std::string>> set_fields = {
      {Json::json_pointer("/spec/pcr"), "spec.pcr"},
      {Json::json_pointer("/spec/components/0/digest"), "spec.components[0].digest"},
      {Json::json_pointer("/spec/secureBootDatabases/DB"), "spec.secureBootDatabases.DB"},
      {Json::json_pointer("/spec/secureBootDatabases/db/entry"),
       "spec.secureBootDatabases.db.entry"},
      {Json::json_pointer("/spec/files/file"), "spec.files.file"},
  };
  for (const auto& [pointer, name] : set_fields) {
    Json values = Object("ReferenceValues", machine_.values);
    values[pointer] = "x";
    ExpectUnusable(VerifyUnder({GoodPolicy(), values}), name);
  }
}

TEST_F(PolicyFiles, AnUnknownFieldIsUnusableEvenWhereSomethingElseIsWrongFirst) {
  Json policy = GoodPolicy();
  policy["spec"]["pcrs"][0]["bank"] = "md5";
  policy["spec"]["zzz"] = 1;
  ExpectUnusable(VerifyUnder({policy}), "spec.zzz");
}

TEST_F(PolicyFiles, AnObjectThatIsThereTwiceIsUnusable) {
  ExpectUnusable(VerifyUnder({GoodPolicy(), GoodPolicy()}), "is there twice");
  const Json values = Object("ReferenceValues", machine_.values);
  ExpectUnusable(VerifyUnder({values, GoodPolicy(), values}), "is there twice");
  const std::string one = WriteObjects("policy.yaml", {GoodPolicy()});
  EXPECT_EQ(Verify(bundle_, {one, one}).code, kExitUnusable);
}

TEST_F(PolicyFiles, AKeyThatIsThereTwiceIsUnusable) {
  ExpectUnusable(VerifyText("apiVersion: plimsoll.dev/v1alpha1\nkind: AttestationPolicy\n"
                            "metadata: {name: a}\nspec: {mode: Audit, mode: Enforce}\n"),
                 "");
}

TEST_F(PolicyFiles, KindsThatOnlyAClusterNeedsAreSkipped) {
  EXPECT_EQ(
      VerifyUnder({Object("TPMIdentity", {{"metadata", {{"name", "x"}}}}), GoodPolicy()}).code,
      kExitTrusted);
}

TEST_F(PolicyFiles, AWrongValueMakesAPolicyThatIsNotReady) {
  const auto wrong = [&](const char* pointer, Json value, const std::string& message) {
    Json policy = GoodPolicy();
    policy[Json::json_pointer(pointer)] = std::move(value);
    ExpectNotReady(VerifyUnder({policy}), message);
  };
  wrong("/spec/pcrs/0/bank", "md5", "spec.pcrs[0].bank");
  wrong("/spec/pcrs/0/index", 24, "spec.pcrs[0].index");
  wrong("/spec/pcrs/0/anyOf", {"AA"}, "spec.pcrs[0].anyOf");
  wrong("/spec/pcrs/0/match", "Whatever", "spec.pcrs[0].match");
  wrong("/spec/mode", "enforce", "spec.mode");
  wrong("/spec/boot/secureBoot", "required", "spec.boot.secureBoot");
  wrong("/spec/boot/componentRoles", {"Grub"}, "\"Grub\" is no role");
  wrong("/spec/boot/ukiPhases", {"a::b"}, "spec.boot.ukiPhases");
  wrong("/spec/runtime/ima/mode", "On", "spec.runtime.ima.mode");
  wrong("/spec/boot", "yes", "spec.boot: not an object");
}

TEST_F(PolicyFiles, AnEmptySpecIsNotReady) {
  Json policy = GoodPolicy();
  policy["spec"] = Json::object();
  ExpectNotReady(VerifyUnder({policy}), "spec.nodeSelector");
  policy["spec"] = {{"nodeSelector", Json::object()}};
  ExpectNotReady(VerifyUnder({policy}), "demands no measurement");
  policy["spec"] = {{"mode", "Enforce"}, {"nodeSelector", Json::object()}};
  ExpectNotReady(VerifyUnder({policy}), "demands no measurement");
  policy.erase("spec");
  ExpectNotReady(VerifyUnder({policy}), "spec: missing");
}

TEST_F(PolicyFiles, AReferenceToWhatIsNotThereIsNotReady) {
  Json policy = GoodPolicy();
  policy["spec"]["pcrs"][0]["referenceValueRefs"] = {"machine"};
  ExpectNotReady(VerifyUnder({policy}), "ReferenceValues machine does not exist");
}

TEST_F(PolicyFiles, ReferencesGoAcrossFiles) {
  Json policy =
      Object("AttestationPolicy",
             MeasuredNode::PcrPolicy(
                 {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"machine"}}}}));
  Json values = Object("ReferenceValues", machine_.values);
  values["spec"].erase("files");
  const std::string a = WriteObjects("a.yaml", {policy});
  const std::string b = WriteObjects("b.yaml", {values});
  EXPECT_EQ(Verify(bundle_, {a, b}).code, kExitTrusted);
  EXPECT_EQ(Verify(bundle_, {b, a}).code, kExitTrusted);
}

TEST_F(PolicyFiles, AnAllowListIsReadFromTheFolderOfItsFile) {
  const std::string policy = WriteFullPolicy(machine_);
  EXPECT_EQ(Verify(bundle_, {policy}).code, kExitTrusted);
  std::filesystem::remove(folder_ / "files.sha256");
  ExpectNotReady(Verify(bundle_, {policy}), "files.sha256");
  Write("files.sha256", std::string_view("no list\n"));
  ExpectNotReady(Verify(bundle_, {policy}), "files.sha256");
}

TEST_F(PolicyFiles, AnAllowListIsNeverReadFromAnotherFolder) {
  for (const std::string name : {"../files.sha256", "/etc/passwd", "..", "."}) {
    Json values = Object("ReferenceValues", machine_.values);
    values["spec"]["files"]["fileName"] = name;
    ExpectNotReady(VerifyUnder({values, Object("AttestationPolicy", MeasuredNode::FullPolicy())}),
                   "not one path element");
  }
}

TEST_F(PolicyFiles, RulesThatNeedAClusterAreRemarksAndDoNotSufficeAlone) {
  for (const std::string match : {"Unchanged", "FirstUse"}) {
    Json policy = GoodPolicy();
    policy["spec"]["pcrs"].push_back({{"bank", "sha256"}, {"index", 7}, {"match", match}});
    const Result both = VerifyUnder({policy});
    EXPECT_EQ(both.code, kExitTrusted) << match;
    EXPECT_THAT(both.out, HasSubstr("sha256 PCR 7 is not judged"));
    policy["spec"]["pcrs"].erase(0);
    ExpectNotReady(VerifyUnder({policy}), "without what a cluster has recorded");
  }
}

TEST_F(PolicyFiles, SetsCountAtTheTimeOfTheClock) {
  Json values = Object("ReferenceValues", machine_.values);
  values["spec"].erase("files");
  values["spec"]["notAfter"] = "2026-11-24T09:00:00Z";
  const Json policy =
      Object("AttestationPolicy",
             MeasuredNode::PcrPolicy(
                 {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"machine"}}}}));
  EXPECT_EQ(VerifyUnder({values, policy}).code, kExitTrusted);
  clock_.Advance(std::chrono::hours(2));
  EXPECT_EQ(VerifyUnder({values, policy}).json()["reason"], "PCRMismatch");
}

}  // namespace
}  // namespace plimsoll::plugin
