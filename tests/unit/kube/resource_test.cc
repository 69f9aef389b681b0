#include "kube/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kube/json_slices.h"
#include "kube/text.h"

namespace plimsoll::kube {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(ResourcePath, IsWhereTheApiServerKeepsTheKind) {
  EXPECT_EQ(ResourcePath({kNode, "worker-1"}), "/api/v1/nodes/worker-1");
  EXPECT_EQ(ResourcePath({kNode, "worker-1"}, "status"), "/api/v1/nodes/worker-1/status");
  EXPECT_EQ(ResourcePath({kNode, ""}), "/api/v1/nodes");
  EXPECT_EQ(ResourcePath({kSecret, "tls", "plimsoll"}), "/api/v1/namespaces/plimsoll/secrets/tls");
  EXPECT_EQ(ResourcePath({kLease, "", "ns"}), "/apis/coordination.k8s.io/v1/namespaces/ns/leases");
  EXPECT_EQ(ResourcePath({kNodeAttestation, "a"}, "status"),
            "/apis/plimsoll.dev/v1alpha1/nodeattestations/a/status");
}

TEST(ResourcePath, NamesCannotLeaveTheirSegment) {
  EXPECT_EQ(ResourcePath({kNode, "../secrets?x=y#z"}), "/api/v1/nodes/..%2Fsecrets%3Fx%3Dy%23z");
}

TEST(ObjectMeta, ReadsWhatIsThere) {
  const auto meta = ParseObjectMeta(std::string_view(R"({"kind":"Node","metadata":{
      "name":"worker-1","namespace":"n","uid":"u","resourceVersion":"12","generation":3,
      "labels":{"a":"b"},"annotations":{"c":"d"},"creationTimestamp":"2026-11-24T08:00:00Z",
      "deletionTimestamp":"2026-11-24T09:00:00Z","managedFields":[{"fieldsV1":{"f:a":{}}}]}})"));
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->name, "worker-1");
  EXPECT_EQ(meta->namespace_name, "n");
  EXPECT_EQ(meta->uid, "u");
  EXPECT_EQ(meta->resource_version, "12");
  EXPECT_EQ(meta->generation, 3);
  EXPECT_THAT(meta->labels, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(meta->annotations, ElementsAre(Pair("c", "d")));
  EXPECT_EQ(FormatTime(meta->creation_timestamp), "2026-11-24T08:00:00Z");
  ASSERT_TRUE(meta->deletion_timestamp);
  EXPECT_EQ(FormatTime(*meta->deletion_timestamp), "2026-11-24T09:00:00Z");
}

TEST(ObjectMeta, AbsentFieldsAreEmpty) {
  const auto meta = ParseObjectMeta(std::string_view(R"({"metadata":{"name":"a","labels":null}})"));
  ASSERT_TRUE(meta);
  EXPECT_TRUE(meta->labels.empty());
  EXPECT_FALSE(meta->deletion_timestamp);
}

TEST(ObjectMeta, WrongTypesAreMalformed) {
  for (const std::string_view text :
       {"", "[]", "{}", R"({"metadata":[]})", R"({"metadata":{}})", R"({"metadata":{"name":1}})",
        R"({"metadata":{"name":"a","uid":{}}})", R"({"metadata":{"name":"a","labels":[]}})",
        R"({"metadata":{"name":"a","labels":{"b":1}}})",
        R"({"metadata":{"name":"a","generation":"1"}})",
        R"({"metadata":{"name":"a","deletionTimestamp":"soon"}})",
        R"({"metadata":{"name":"a","name":"b"}})"}) {
    const auto meta = ParseObjectMeta(text);
    ASSERT_FALSE(meta) << text;
    EXPECT_EQ(meta.error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(ApplyFrame, NamesTheUidOnlyWhenThereIsOne) {
  EXPECT_EQ(
      ApplyFrame({kNode, "a"}, "u", "7").dump(),
      R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"a","resourceVersion":"7","uid":"u"}})");
  EXPECT_EQ(
      ApplyFrame({kLease, "a", "ns"}, "").dump(),
      R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"a","namespace":"ns"}})");
}

TEST(JsonSlices, GiveEachItemAsItStands) {
  std::vector<std::string> items;
  const auto page = ForEachItem(
      R"({"kind":"NodeList","metadata":{"resourceVersion":"9","continue":"c"},"items":[{"a":1}, {"b":{"c":"]"}}]})",
      [&](std::string_view item) { items.emplace_back(item); });
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->resource_version, "9");
  EXPECT_EQ(page->continue_token, "c");
  EXPECT_THAT(items, ElementsAre(R"({"a":1})", R"({"b":{"c":"]"}})"));
}

TEST(JsonSlices, NullItemsAreNone) {
  const auto page = ForEachItem(R"({"items":null,"metadata":{"resourceVersion":"9"}})",
                                [](std::string_view) { ADD_FAILURE(); });
  EXPECT_TRUE(page);
}

TEST(JsonSlices, WhatIsNoListIsMalformed) {
  for (const std::string_view text :
       {"", "x", "[]", "{}", R"({"metadata":{"resourceVersion":"1"}})",
        R"({"metadata":{"resourceVersion":1},"items":[]})",
        R"({"metadata":{"resourceVersion":"1"},"items":{}})",
        R"({"metadata":{"resourceVersion":"1"},"items":[1]})",
        R"({"metadata":{"resourceVersion":"1"},"items":[{"a":1},)"}) {
    EXPECT_FALSE(ForEachItem(text, [](std::string_view) {})) << text;
  }
}

TEST(Text, IsCutBetweenCharactersAndHasNoControlCharacters) {
  EXPECT_EQ(CutText("a\nb\tc\x7f", 10), "a b c ");
  EXPECT_EQ(CutText("ab\xc3\xa9", 3), "ab");
  EXPECT_EQ(CutText("ab\xc3\xa9", 4), "ab\xc3\xa9");
  EXPECT_EQ(CutText("abc", 2), "ab");
}

}  // namespace
}  // namespace plimsoll::kube
