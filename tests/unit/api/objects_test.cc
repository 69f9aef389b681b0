#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/condition.h"
#include "api/json_fields.h"
#include "api/node.h"
#include "api/node_attestation.h"
#include "api/tpm_identity.h"

namespace plimsoll::api {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const WallTime kNow{seconds(1'795'507'200)};

json Meta(const std::string& name) {
  return {{"name", name}, {"uid", "u-1"}, {"resourceVersion", "7"}, {"generation", 3}};
}

// What the API server would store of a status update.
json Stored(const std::string& update) { return json::parse(update); }

TEST(Conditions, KeepTheirTransitionTimeWhileTheStatusStays) {
  Conditions conditions;
  Set(conditions, {.type = "Trusted", .status = ConditionStatus::kTrue, .reason = "A"}, kNow);
  Set(conditions, {.type = "Trusted", .status = ConditionStatus::kTrue, .reason = "B"},
      kNow + seconds(5));
  ASSERT_EQ(conditions.size(), 1);
  EXPECT_EQ(conditions[0].reason, "B");
  EXPECT_EQ(conditions[0].last_transition_time, kNow);
  Set(conditions, {.type = "Trusted", .status = ConditionStatus::kFalse, .reason = "C"},
      kNow + seconds(9));
  EXPECT_EQ(conditions[0].last_transition_time, kNow + seconds(9));
}

TEST(Conditions, CutLongMessagesAtACharacter) {
  Conditions conditions;
  std::string message(1023, 'x');
  message += "\xe2\x82\xac tail";
  Set(conditions, {.type = "T", .reason = "R", .message = message}, kNow);
  EXPECT_EQ(conditions[0].message, std::string(1023, 'x'));
}

TEST(Conditions, RoundTripAndRefuseAStatusThatIsNone) {
  Conditions conditions;
  Set(conditions,
      {.type = "T",
       .status = ConditionStatus::kUnknown,
       .reason = "R",
       .message = "m",
       .observed_generation = 4},
      kNow);
  const auto read = ConditionsFromJson(ToJson(conditions));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, conditions);
  EXPECT_FALSE(ConditionsFromJson(json::array({{{"type", "T"}, {"status", "true"}}})));
}

TEST(NodeObject, IsReadWithTaintsConditionsAndBootId) {
  const json object = {{"metadata", Meta("worker-1")},
                       {"spec",
                        {{"taints",
                          {{{"key", "k"},
                            {"value", "v"},
                            {"effect", "NoExecute"},
                            {"timeAdded", "2026-11-24T08:00:00Z"}}}}}},
                       {"status",
                        {{"nodeInfo", {{"bootID", "b-1"}}},
                         {"conditions",
                          {{{"type", "Ready"},
                            {"status", "True"},
                            {"reason", "KubeletReady"},
                            {"lastTransitionTime", "2026-11-24T08:00:00Z"}}}}}}};
  const auto node = Node::Parse(object.dump());
  ASSERT_TRUE(node);
  EXPECT_EQ(node->meta.uid, "u-1");
  EXPECT_EQ(node->boot_id, "b-1");
  EXPECT_THAT(node->taints,
              ::testing::ElementsAre(Taint{"k", "v", "NoExecute", "2026-11-24T08:00:00Z"}));
  ASSERT_NE(Find(node->conditions, "Ready"), nullptr);
}

TEST(NodeObject, OfAKubeletThatHasWrittenNothingYetIsReadToo) {
  const auto node = Node::Parse(json{{"metadata", Meta("n")}, {"spec", nullptr}}.dump());
  ASSERT_TRUE(node);
  EXPECT_TRUE(node->taints.empty());
}

TEST(NodeObject, WithAFieldOfAnotherTypeIsRefused) {
  EXPECT_FALSE(Node::Parse("x"));
  EXPECT_FALSE(Node::Parse(json{{"metadata", Meta("n")}, {"spec", {{"taints", "k"}}}}.dump()));
  EXPECT_FALSE(Node::Parse(
      json{{"metadata", Meta("n")}, {"status", {{"nodeInfo", {{"bootID", 7}}}}}}.dump()));
}

TEST(NodeAttestationObject, SurvivesAStatusUpdate) {
  NodeAttestation attestation;
  attestation.meta.name = "worker-1";
  attestation.meta.uid = "u-1";
  attestation.meta.resource_version = "7";
  NodeAttestationStatus& status = attestation.status;
  status.summary = "Untrusted";
  status.node_uid = "n-1";
  status.boot_id = "b-1";
  status.tpm_identity = "ek-1";
  status.last_verified_time = kNow;
  status.last_trusted_time = kNow - seconds(60);
  status.expiration_time = kNow + seconds(900);
  status.consecutive_failures = 2;
  status.inputs = std::string(64, 'a');
  status.failed_policies = "p";
  PolicyResult policy;
  policy.name = "p";
  policy.uid = "pu";
  policy.observed_generation = 3;
  policy.mode = "Enforce";
  policy.result = "Fail";
  policy.reason = "PCRMismatch";
  policy.violations = {
      {.check = "Q17", .pcr = 4, .observed = "aa", .expected = "bb", .message = "PCR 4"}};
  status.policies = {policy};
  status.pcrs = {{.bank = "sha256", .index = 4, .digest = "aa", .result = "Fail"}};
  status.clock = TpmClock{.clock = 5,
                          .reset_count = 6,
                          .restart_count = 7,
                          .safe = true,
                          .firmware_version = "1.2.3.4"};
  status.enforced_label = "false";
  status.enforced_taint = "NoSchedule";
  status.transitions = {{.time = kNow, .from = "Trusted", .to = "Untrusted", .reason = "r"}};
  Set(status.conditions, {.type = "Trusted", .status = ConditionStatus::kFalse, .reason = "R"},
      kNow);
  const json update = Stored(attestation.EncodeForStatusUpdate());
  EXPECT_EQ(update["metadata"]["resourceVersion"], "7") << "a compare-and-swap";
  EXPECT_EQ(update["metadata"]["uid"], "u-1");
  const auto read = NodeAttestation::Parse(update.dump());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->status, status);
}

TEST(NodeAttestationObject, IsMadeForItsNodeAndOwnedByIt) {
  const json object = json::parse(NodeAttestation::EncodeForCreate("worker-1", "n-1"));
  EXPECT_EQ(object["kind"], "NodeAttestation");
  EXPECT_EQ(object["metadata"]["ownerReferences"][0]["uid"], "n-1");
  EXPECT_FALSE(object.contains("status"));
  const auto read = NodeAttestation::Parse(object.dump());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->owner_uid, "n-1");
  EXPECT_EQ(read->status.summary, "Unknown");
}

TpmIdentity FullIdentity() {
  TpmIdentity identity;
  identity.meta.name = "ek-1";
  identity.meta.uid = "u-1";
  identity.meta.resource_version = "7";
  identity.endorsement_key_sha256 = std::string(64, 'a');
  identity.node_name = "worker-1";
  identity.source = "Discovered";
  identity.decision = Decision::kApproved;
  identity.decision_reason = "INC-4711";
  TpmIdentityStatus& status = identity.status;
  status.node_uid = "n-1";
  status.endorsement.certificate = "AAAA";
  status.endorsement.chain = {"BBBB", "CCCC"};
  status.endorsement.authority = "vendor";
  status.endorsement.issuer = "CN=x";
  status.endorsement.not_after = *ParseSeconds("9999-12-31T23:59:59Z");
  status.endorsement.manufacturer = "IFX";
  status.endorsement.model = "m";
  status.endorsement.version = "v";
  status.tpm = {"IFX", "SLB", "1.2", "1.59"};
  status.attestation_key = ActivatedKey{
      .name = "000b", .public_area = {1, 2, 3}, .profile = "p256", .activated_time = kNow};
  status.admissions = {{.by = Admission::By::kHuman, .ref = "2"},
                       {.by = Admission::By::kEndorsementCertificate, .ref = "vendor"}};
  status.epoch =
      BootEpoch{.reset_count = 1, .restart_count = 2, .boot_id = "b", .offset_milliseconds = -3};
  status.unacknowledged_failure = UnacknowledgedFailure{.time = kNow, .reason = "PCRMismatch"};
  Set(status.conditions, {.type = "ConflictFree", .status = ConditionStatus::kTrue, .reason = "R"},
      kNow);
  return identity;
}

TEST(TpmIdentityObject, SurvivesAStatusUpdate) {
  const TpmIdentity identity = FullIdentity();
  const auto read = TpmIdentity::Parse(identity.EncodeForStatusUpdate());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->status, identity.status);
  EXPECT_EQ(read->decision, Decision::kApproved);
  EXPECT_EQ(read->meta.resource_version, "7");
}

TEST(TpmIdentityObject, IsMadeWithItsSpecAlone) {
  const json object = json::parse(FullIdentity().EncodeForCreate());
  EXPECT_FALSE(object.contains("status"));
  EXPECT_EQ(object["metadata"], (json{{"name", "ek-1"}}));
}

TEST(TpmIdentityObject, WithADecisionOrAnAdmissionThatIsNoneIsRefused) {
  json object = json::parse(FullIdentity().EncodeForStatusUpdate());
  object["spec"]["decision"] = "approved";
  EXPECT_FALSE(TpmIdentity::Parse(object.dump()));
  object["spec"]["decision"] = "Approved";
  object["status"]["admissions"][0]["by"] = "Anybody";
  EXPECT_FALSE(TpmIdentity::Parse(object.dump()));
  object["status"]["admissions"][0]["by"] = "Human";
  object["status"]["endorsement"]["chain"] = {7};
  EXPECT_FALSE(TpmIdentity::Parse(object.dump()));
}

TEST(TpmIdentityObject, CountsAsAdmittedByDecisionOrAdmission) {
  TpmIdentity identity = FullIdentity();
  EXPECT_TRUE(identity.Admitted());
  identity.status.admissions.clear();
  EXPECT_TRUE(identity.Admitted()) << "a person's decision excludes others at once";
  identity.decision = Decision::kPending;
  EXPECT_FALSE(identity.Admitted());
  identity.status.admissions = {{.by = Admission::By::kEndorsementCertificate, .ref = "v"}};
  EXPECT_TRUE(identity.Admitted());
  for (const Decision decision : {Decision::kDenied, Decision::kRevoked}) {
    identity.decision = decision;
    EXPECT_FALSE(identity.Admitted());
    EXPECT_FALSE(identity.MayAttest());
  }
}

TEST(TpmIdentityObject, IsNamedByTheFirst32DigitsOfItsKey) {
  EXPECT_EQ(TpmIdentity::NameFor(std::string(32, 'a') + std::string(32, 'b')),
            "ek-" + std::string(32, 'a'));
}

TEST(JsonFields, ReadAbsentAndNullAsTheFallbackAndOtherTypesAsErrors) {
  const json object = {{"null", nullptr}, {"text", "x"}, {"number", 7}, {"big", UINT64_MAX}};
  EXPECT_EQ(*json_fields::String(object, "absent", "f"), "f");
  EXPECT_EQ(*json_fields::String(object, "null", "f"), "f");
  EXPECT_FALSE(json_fields::String(object, "number"));
  EXPECT_EQ(*json_fields::Integer(object, "number"), 7);
  EXPECT_FALSE(json_fields::Integer(object, "big"));
  EXPECT_FALSE(json_fields::Boolean(object, "text"));
  EXPECT_FALSE(json_fields::List(object, "text"));
  EXPECT_FALSE(json_fields::Object(object, "text"));
  EXPECT_FALSE(json_fields::Time(object, "text"));
  EXPECT_FALSE(json_fields::ParseObject("[]"));
  EXPECT_FALSE(json_fields::ParseObject(R"({"a":1,"a":2})"));
}

}  // namespace
}  // namespace plimsoll::api
