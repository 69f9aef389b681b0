#include "api/node_marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace plimsoll::api {
namespace {

using nlohmann::json;

const NodeMarkKeys kKeys;

json Node() {
  return {{"metadata", {{"name", "worker-1"}, {"uid", "u"}, {"resourceVersion", "7"}}},
          {"spec", json::object()},
          {"status", json::object()}};
}

MarkRemoval RemovalOf(const json& node) {
  auto removal = RemoveMarks(node.dump(), kKeys);
  EXPECT_TRUE(removal) << removal.error().message;
  return removal ? *std::move(removal) : MarkRemoval{};
}

TEST(NodeMarks, ANodeWithoutOurMarksNeedsNoWrite) {
  json node = Node();
  node["metadata"]["labels"] = {{"rack", "7"}};
  node["spec"]["taints"] = json::array({{{"key", "other"}, {"effect", "NoSchedule"}}});
  node["status"]["conditions"] = json::array({{{"type", "Ready"}, {"status", "True"}}});
  EXPECT_TRUE(RemovalOf(node).empty());
}

TEST(NodeMarks, EachPatchHoldsForTheVersionThatWasReadAndKeepsForeignEntriesWhole) {
  json node = Node();
  node["metadata"]["labels"] = {{kKeys.label, "true"}, {"rack", "7"}};
  const json foreign = {{"key", "other"}, {"effect", "NoExecute"}, {"unknownField", {1, 2}}};
  node["spec"]["taints"] = json::array(
      {{{"key", kKeys.taint}, {"value", "PCRMismatch"}, {"effect", "NoSchedule"}}, foreign});
  const json ready = {{"type", "Ready"}, {"status", "True"}, {"unknownField", true}};
  node["status"]["conditions"] =
      json::array({ready, {{"type", kKeys.condition}, {"status", "False"}}});
  const MarkRemoval removal = RemovalOf(node);
  const json precondition = {{"uid", "u"}, {"resourceVersion", "7"}};
  json labels = precondition;
  labels["labels"] = {{kKeys.label, nullptr}};
  EXPECT_EQ(json::parse(*removal.node),
            (json{{"metadata", labels}, {"spec", {{"taints", json::array({foreign})}}}}));
  EXPECT_EQ(json::parse(*removal.status),
            (json{{"metadata", precondition}, {"status", {{"conditions", json::array({ready})}}}}));
  EXPECT_EQ(removal.description, "label true, taint PCRMismatch:NoSchedule, condition False");
}

TEST(NodeMarks, TheSecondLabelStandsBesideTheFirst) {
  EXPECT_EQ(TrustedUntilKey("a.node-restriction.kubernetes.io/ok"),
            "a.node-restriction.kubernetes.io/trusted-until");
  json node = Node();
  node["metadata"]["labels"] = {{TrustedUntilKey(kKeys.label), "1795507200"}};
  EXPECT_EQ(RemovalOf(node).description, "label trusted-until");
}

TEST(NodeMarks, WhatIsNoNodeIsRefused) {
  EXPECT_FALSE(RemoveMarks("[]", kKeys));
  json node = Node();
  node["metadata"].erase("resourceVersion");
  EXPECT_FALSE(RemoveMarks(node.dump(), kKeys)) << "a write without a version could undo others'";
  node = Node();
  node["spec"]["taints"] = "none";
  EXPECT_FALSE(RemoveMarks(node.dump(), kKeys));
}

}  // namespace
}  // namespace plimsoll::api
