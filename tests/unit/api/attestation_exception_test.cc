#include "api/attestation_exception.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace plimsoll::api {
namespace {

using nlohmann::json;

json Object() {
  return {{"metadata",
           {{"name", "inc-1"},
            {"uid", "u-1"},
            {"resourceVersion", "7"},
            {"generation", 2},
            {"creationTimestamp", "2026-11-24T08:00:00Z"}}},
          {"spec",
           {{"nodeSelector", {{"matchLabels", {{"pool", "a"}}}}},
            {"nodeNames", json::array({"worker-9"})},
            {"policyRefs", json::array({"boot"})},
            {"reason", "INC-1"},
            {"expiresAt", "2026-12-24T08:00:00Z"}}}};
}

Result<AttestationException> Parsed(const json& object) {
  return AttestationException::Parse(object.dump());
}

kube::ObjectMeta NodeMeta(const std::string& name, const std::string& pool) {
  kube::ObjectMeta meta;
  meta.name = name;
  meta.labels = {{"pool", pool}};
  return meta;
}

TEST(AttestationException, CoversNodesByNameAndByLabelAndNoOthers) {
  const auto exception = Parsed(Object());
  ASSERT_TRUE(exception) << exception.error().message;
  EXPECT_TRUE(exception->Covers(NodeMeta("worker-1", "a")));
  EXPECT_TRUE(exception->Covers(NodeMeta("worker-9", "b")));
  EXPECT_FALSE(exception->Covers(NodeMeta("worker-1", "b")));
  json named = Object();
  named["spec"].erase("nodeSelector");
  EXPECT_FALSE(Parsed(named)->Covers(NodeMeta("worker-1", "a")))
      << "a selector that is absent selects nobody";
}

TEST(AttestationException, WaivesThePoliciesThatItNamesOrAllWhenItNamesNone) {
  EXPECT_TRUE(Parsed(Object())->Waives("boot"));
  EXPECT_FALSE(Parsed(Object())->Waives("ima"));
  json all = Object();
  all["spec"].erase("policyRefs");
  EXPECT_TRUE(Parsed(all)->Waives("ima"));
}

TEST(AttestationException, MayLastThirtyDaysAndNoSecondMore) {
  EXPECT_FALSE(Parsed(Object())->IsTooLong());
  json longer = Object();
  longer["spec"]["expiresAt"] = "2026-12-24T08:00:01Z";
  EXPECT_TRUE(Parsed(longer)->IsTooLong());
}

TEST(AttestationException, RefusesWhatItCannotObeyToTheLetter) {
  const auto refused = [](const std::function<void(json&)>& change) {
    json object = Object();
    change(object["spec"]);
    return !Parsed(object);
  };
  EXPECT_TRUE(refused([](json& spec) { spec.erase("expiresAt"); }));
  EXPECT_TRUE(refused([](json& spec) { spec["expiresAt"] = "soon"; }));
  EXPECT_TRUE(refused([](json& spec) { spec["nodeNames"] = "worker-1"; }));
  EXPECT_TRUE(refused([](json& spec) {
    spec.erase("nodeNames");
    spec.erase("nodeSelector");
  }));
  EXPECT_TRUE(refused([](json& spec) {
    spec["nodeSelector"]["matchExpressions"] = json::array({{{"key", "a"}, {"operator", "Like"}}});
  }));
  EXPECT_TRUE(refused([](json& spec) { spec["nodeSelector"]["matchFields"] = json::array(); }));
}

TEST(AttestationException, WritesItsStatusAndReadsItBack) {
  auto exception = Parsed(Object());
  ASSERT_TRUE(exception);
  exception->observed_generation = 2;
  exception->nodes = 3;
  Set(exception->conditions,
      {.type = "Active", .status = ConditionStatus::kTrue, .reason = "InForce", .message = "m"},
      WallTime(std::chrono::seconds(1'795'507'200)));
  json stored = Object();
  const json update = json::parse(exception->EncodeForStatusUpdate());
  EXPECT_EQ(update["metadata"]["resourceVersion"], "7");
  stored["status"] = update["status"];
  const auto read = Parsed(stored);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->nodes, 3);
  EXPECT_EQ(read->observed_generation, 2);
  EXPECT_EQ(read->conditions, exception->conditions);
}

}  // namespace
}  // namespace plimsoll::api
