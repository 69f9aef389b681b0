#include "policy/attestation_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace plimsoll::policy {
namespace {

using nlohmann::json;
using tcg::AlgorithmId;
using testing::HasSubstr;

json Full() {
  return json::parse(R"({
    "apiVersion": "plimsoll.dev/v1alpha1", "kind": "AttestationPolicy",
    "metadata": {"name": "measured", "uid": "u-1", "generation": 3, "resourceVersion": "77",
                 "managedFields": [{"fieldsV1": {"f:spec": {}}}], "labels": {"a": "b"}},
    "spec": {
      "mode": "Enforce",
      "nodeSelector": {"matchLabels": {"role": "worker"},
                       "matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]},
      "identity": {"admission": "EndorsementCertificate", "endorsementAuthorityRefs": ["vendors"],
                   "keyProfiles": ["p384", "rsa2048"]},
      "freshness": {"intervalSeconds": 60, "expireSeconds": 200},
      "pcrs": [{"bank": "sha256", "index": 4, "match": "Reference",
                "anyOf": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}],
      "tpm": {"firmwareFloor": [{"manufacturer": "IFX", "version": "15.23.0.0"}],
              "clockSafe": "Require", "unexplainedReset": "Reject"},
      "enforcement": {"taint": {"effect": "PreferNoSchedule"}}
    },
    "status": {"observedGeneration": 3}
  })");
}

AttestationPolicy Parse(const json& object) {
  auto policy = AttestationPolicy::Parse(object.dump());
  EXPECT_TRUE(policy.has_value()) << policy.error().message;
  return policy ? *std::move(policy) : AttestationPolicy();
}

TEST(AttestationPolicies, EveryFieldIsRead) {
  const AttestationPolicy policy = Parse(Full());
  EXPECT_EQ(policy.problem, "");
  EXPECT_EQ(policy.meta.name, "measured");
  EXPECT_EQ(policy.meta.uid, "u-1");
  EXPECT_EQ(policy.meta.generation, 3);
  EXPECT_EQ(policy.meta.resource_version, "77");
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  EXPECT_TRUE(policy.node_selector.Matches({{"role", "worker"}, {"zone", "b"}}));
  EXPECT_FALSE(policy.node_selector.Matches({{"role", "worker"}}));
  EXPECT_EQ(policy.identity.admission, Admission::kEndorsementCertificate);
  EXPECT_EQ(policy.identity.authority_refs, std::vector<std::string>{"vendors"});
  EXPECT_EQ(policy.identity.key_profiles,
            (std::vector{crypto::KeyProfile::kP384, crypto::KeyProfile::kRsa2048}));
  EXPECT_EQ(policy.freshness.interval.count(), 60);
  EXPECT_EQ(policy.freshness.expire.count(), 200);
  ASSERT_EQ(policy.pcrs.size(), 1U);
  EXPECT_EQ(policy.pcrs[0].bank, AlgorithmId::kSha256);
  EXPECT_EQ(policy.pcrs[0].index, 4U);
  EXPECT_EQ(policy.pcrs[0].any_of, std::vector<Bytes>{Bytes(32, 0xAA)});
  ASSERT_EQ(policy.tpm.firmware_floor.size(), 1U);
  EXPECT_EQ(policy.tpm.firmware_floor[0].version.ToText(), "15.23.0.0");
  EXPECT_TRUE(policy.tpm.require_clock_safe);
  EXPECT_TRUE(policy.tpm.reject_unexplained_reset);
  EXPECT_EQ(policy.taint_effect, TaintEffect::kPreferNoSchedule);
}

TEST(AttestationPolicies, DefaultsAreThoseOfTheApi) {
  const AttestationPolicy policy =
      Parse(json::parse(R"({"metadata":{"name":"p"},"spec":{"nodeSelector":{}}})"));
  EXPECT_EQ(policy.problem, "");
  EXPECT_EQ(policy.mode, Mode::kAudit);
  EXPECT_TRUE(policy.node_selector.Matches({}));
  EXPECT_EQ(policy.identity.admission, Admission::kApproved);
  EXPECT_EQ(policy.identity.key_profiles.size(), 3U);
  EXPECT_EQ(policy.freshness.interval.count(), 300);
  EXPECT_EQ(policy.freshness.expire.count(), 900);
  EXPECT_FALSE(policy.tpm.require_clock_safe);
  EXPECT_FALSE(policy.tpm.reject_unexplained_reset);
  EXPECT_EQ(policy.taint_effect, TaintEffect::kNoSchedule);
}

TEST(AttestationPolicies, WhatCannotBeObeyedToTheLetterIsAProblem) {
  const std::pair<const char*, json> wrong[] = {
      {"/spec/hardware", json::object()},  // of a later version
      {"/spec/rollout", {{"percent", 101}}},
      {"/spec/rollout", {{"speed", 10}}},
      {"/spec/rollout", {{"selector", "all"}}},
      {"/spec/identity/firstUse", {{"quorum", 0}}},
      {"/spec/identity/firstUse", {{"notAfter", "tomorrow"}}},
      {"/spec/identity/admission", "firstUse"},
      {"/spec/boot", "Required"},
      {"/spec/boot", {{"eventLog", "required"}}},
      {"/spec/boot", {{"secureBoot", true}}},
      {"/spec/boot", {{"componentRoles", {"Bootloader"}}}},
      {"/spec/boot", {{"componentRoles", json::array()}}},
      {"/spec/boot", {{"componentRefs", {7}}}},
      {"/spec/boot", {{"kernelCommandLine", {{"mustContain", {"a b"}}}}}},
      {"/spec/boot", {{"kernelCommandLine", {{"mustNotContain", {""}}}}}},
      {"/spec/boot", {{"kernelCommandLine", {{"contains", {"a"}}}}}},
      {"/spec/boot", {{"ukiPhases", {"a::b"}}}},
      {"/spec/boot", {{"ukiPhases", {""}}}},
      {"/spec/boot", {{"pcrs", json::array()}}},
      {"/spec/runtime", {{"ima", {{"mode", "On"}}}}},
      {"/spec/runtime", {{"ima", {{"violations", "Ignore"}}}}},
      {"/spec/runtime", {{"evm", json::object()}}},
      {"/spec/identity/keyProfiles", {"p521"}},
      {"/spec/identity/keyProfiles", json::array()},
      {"/spec/mode", "enforce"},
      {"/spec/mode", 1},
      {"/spec/nodeSelector", nullptr},
      {"/spec/nodeSelector/matchFields", json::array()},
      {"/spec/nodeSelector/matchLabels/role", 5},
      {"/spec/nodeSelector/matchExpressions/0/operator", "Gt"},
      {"/spec/nodeSelector/matchExpressions/0/operator", "Exists"},  // with values
      {"/spec/nodeSelector/matchExpressions/0/values", json::array()},
      {"/spec/freshness/intervalSeconds", 9},
      {"/spec/freshness/intervalSeconds", 101},  // expire is under twice of it
      {"/spec/freshness/expireSeconds", 86'401},
      {"/spec/freshness/expireSeconds", 200.0},
      {"/spec/freshness/expireSeconds", 18446744073709551615ULL},
      {"/spec/pcrs/0/index", 24},
      {"/spec/pcrs/0/index", -1},
      {"/spec/pcrs/0/index", nullptr},
      {"/spec/pcrs/0/bank", "sm3_256"},
      {"/spec/pcrs/0/bank", nullptr},
      {"/spec/pcrs/0/match", "EventLogOnly"},  // with values
      {"/spec/pcrs/0/match", "eventLogOnly"},
      {"/spec/pcrs/0/anyOf", json::array()},
      {"/spec/pcrs/0/anyOf/0", std::string(40, 'a')},
      {"/spec/pcrs/0/anyOf/0", std::string(64, 'A')},
      {"/spec/pcrs/0/anyof", json::array()},  // a slip of the pen
      {"/spec/tpm/clockSafe", "require"},
      {"/spec/tpm/unexplainedReset", true},
      {"/spec/tpm/firmwareFloor/0/version", "15.23"},
      {"/spec/tpm/firmwareFloor/0/manufacturer", ""},
      {"/spec/tpm/denied", json::array()},
      {"/spec/enforcement/taint/effect", "noExecute"},
      {"/spec/enforcement/maxUntrusted", -1},
      {"/spec/enforcement/maxUntrusted", "101%"},
      {"/spec/enforcement/maxUntrusted", "3"},
      {"/spec/enforcement/recovery", "Manual"},
      {"/spec/enforcement/unknownGraceSeconds", -1},
      {"/spec/enforcement/taint/key", "x"},
  };
  for (const auto& [field, value] : wrong) {
    json object = Full();
    object[json::json_pointer(field)] = value;
    EXPECT_NE(Parse(object).problem, "") << field << " " << value;
  }
  json twice = Full();
  twice["spec"]["pcrs"].push_back(twice["spec"]["pcrs"][0]);
  EXPECT_THAT(Parse(twice).problem, HasSubstr("twice"));
}

TEST(AttestationPolicies, APolicyWithAProblemStillSelectsItsNodes) {
  json object = Full();
  object["spec"]["boots"] = json::object();
  AttestationPolicy policy = Parse(object);
  EXPECT_THAT(policy.problem, HasSubstr("spec.boots"));
  EXPECT_EQ(policy.unknown_field, "spec.boots");
  EXPECT_TRUE(policy.node_selector.Matches({{"role", "worker"}, {"zone", "a"}}));
  EXPECT_FALSE(policy.node_selector.Matches({{"role", "other"}}));

  object["spec"]["mode"] = "Enforced";
  object["spec"]["nodeSelector"] = "all";
  policy = Parse(object);
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  EXPECT_TRUE(policy.node_selector.Matches({{"role", "other"}})) << "the side that holds more back";

  object["spec"] = nullptr;
  policy = Parse(object);
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  EXPECT_NE(policy.problem, "");
}

TEST(AttestationPolicies, WhatIsNoPolicyWithANameIsRefused) {
  for (const char* text :
       {"", "[]", "{}", R"({"metadata":{}})", R"({"metadata":{"name":""}})",
        R"({"kind":"TPMIdentity","metadata":{"name":"x"},"spec":{}})",
        R"({"apiVersion":"v1","kind":"AttestationPolicy","metadata":{"name":"x"},"spec":{}})",
        R"({"metadata":{"name":"x","name":"y"},"spec":{}})"}) {
    EXPECT_FALSE(AttestationPolicy::Parse(text).has_value()) << text;
  }
}

TEST(FirmwareVersions, AreFourNumbersHighFirst) {
  EXPECT_EQ(FirmwareVersion::Parse("15.23.0.1")->value, 0x000F'0017'0000'0001U);
  EXPECT_EQ(FirmwareVersion{0xFFFF'0000'0001'000A}.ToText(), "65535.0.1.10");
  EXPECT_LT(*FirmwareVersion::Parse("7.62.0.0"), *FirmwareVersion::Parse("7.63.0.0"));
  EXPECT_LT(*FirmwareVersion::Parse("9.0.0.0"), *FirmwareVersion::Parse("10.0.0.0"));
  for (const char* bad : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1.2.3.65536",
                          "1.2.3.x", "1.2.3.04", "-1.2.3.4", "1.2.3.4 ", "+1.2.3.4"}) {
    EXPECT_FALSE(FirmwareVersion::Parse(bad).has_value()) << bad;
  }
}

TEST(LabelSelectors, MatchAsApimachineryDoes) {
  using Operator = LabelSelector::Operator;
  const Labels labels{{"role", "worker"}, {"zone", ""}};
  const auto matches = [&labels](const char* key, Operator op, std::vector<std::string> values) {
    return LabelSelector({{key, op, std::move(values)}}).Matches(labels);
  };
  EXPECT_TRUE(LabelSelector().Matches(labels));
  EXPECT_TRUE(matches("role", Operator::kIn, {"x", "worker"}));
  EXPECT_FALSE(matches("role", Operator::kIn, {"x"}));
  EXPECT_FALSE(matches("none", Operator::kIn, {""})) << "an empty label is not an absent one";
  EXPECT_TRUE(matches("zone", Operator::kIn, {""}));
  EXPECT_FALSE(matches("role", Operator::kNotIn, {"worker"}));
  EXPECT_TRUE(matches("role", Operator::kNotIn, {"x"}));
  EXPECT_TRUE(matches("none", Operator::kNotIn, {"x"})) << "NotIn holds without the label";
  EXPECT_TRUE(matches("zone", Operator::kExists, {}));
  EXPECT_FALSE(matches("none", Operator::kExists, {}));
  EXPECT_TRUE(matches("none", Operator::kDoesNotExist, {}));
  EXPECT_FALSE(matches("zone", Operator::kDoesNotExist, {}));
  EXPECT_FALSE(LabelSelector({{"role", Operator::kExists, {}}, {"none", Operator::kExists, {}}})
                   .Matches(labels))
      << "all must hold";
}

}  // namespace
}  // namespace plimsoll::policy
