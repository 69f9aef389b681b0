// Every field of every kind, of whatever depth: it says what it is for, and how much it can hold.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

using nlohmann::json;

// Visits the schemas of a kind that the API server publishes for kubectl.
class Walk {
 public:
  void Visit(const json& schema, const std::string& path) {
    ++fields_;
    const std::string type = schema.value("type", "");
    if (schema.value("description", "").empty()) {
      undescribed_.push_back(path);
    }
    const bool words = schema.contains("enum");
    if ((type == "string" && !words && !schema.contains("maxLength")) ||
        (type == "array" && !schema.contains("maxItems")) ||
        (schema.contains("additionalProperties") && !schema.contains("maxProperties"))) {
      unbounded_.push_back(path);
    }
    if (schema.contains("x-kubernetes-preserve-unknown-fields")) {
      unbounded_.push_back(path);
    }
    const json properties = schema.value("properties", json::object());
    for (const auto& [name, field] : properties.items()) {
      const std::string below = path + "." + name;
      // These three are Kubernetes' own.
      if (below != ".apiVersion" && below != ".kind" && below != ".metadata") {
        Visit(field, below);
      }
    }
    for (const char* member : {"items", "additionalProperties"}) {
      if (schema.contains(member)) {
        VisitElement(schema[member], path + "[]");
      }
    }
  }

  int fields() const { return fields_; }
  const std::vector<std::string>& undescribed() const { return undescribed_; }
  const std::vector<std::string>& unbounded() const { return unbounded_; }

 private:
  // A plain text in a list is described by the list; an object is not.
  void VisitElement(json element, const std::string& path) {
    if (element.value("type", "") == "string") {
      element["description"] = "described by its list";
    }
    Visit(element, path);
  }

  int fields_ = 0;
  std::vector<std::string> undescribed_;
  std::vector<std::string> unbounded_;
};

class Schemas : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }

  // Of the document that `kubectl explain` reads.
  static json SchemaOf(std::string_view kind) {
    const std::string name = "dev.plimsoll.v1alpha1." + std::string(kind);
    json schema;
    EXPECT_TRUE(Eventually([&] {
      const json document = json::parse(
          Cluster().Kubectl({"get", "--raw", "/openapi/v3/apis/plimsoll.dev/v1alpha1"}).out,
          nullptr, false);
      if (document.is_discarded() || !document["components"]["schemas"].contains(name)) {
        return false;
      }
      schema = document["components"]["schemas"][name];
      return true;
    })) << name
        << " is not published";
    return schema;
  }
};

TEST_F(Schemas, DescribeAndBoundEveryField) {
  for (const KindNames& names : kKinds) {
    Walk walk;
    walk.Visit(SchemaOf(names.kind), "");
    EXPECT_GT(walk.fields(), 15) << names.kind;
    EXPECT_THAT(walk.undescribed(), testing::IsEmpty()) << names.kind;
    EXPECT_THAT(walk.unbounded(), testing::IsEmpty()) << names.kind;
  }
}

TEST_F(Schemas, WouldNotPassUnseenWithoutDescriptionOrBound) {
  Walk walk;
  walk.Visit(json::parse(R"({"description": "root", "properties": {
    "text": {"type": "string", "description": "no bound"},
    "map": {"type": "object", "description": "no bound", "additionalProperties": {"type": "string", "maxLength": 1}},
    "list": {"type": "array", "description": "no bound", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}}}})"),
             "");
  EXPECT_THAT(walk.unbounded(), testing::UnorderedElementsAre(".text", ".map", ".list"));
  EXPECT_THAT(walk.undescribed(), testing::UnorderedElementsAre(".list[]", ".list[].a"));
}

TEST_F(Schemas, AreExplainedByKubectl) {
  for (const KindNames& names : kKinds) {
    const CommandResult all =
        Cluster().Kubectl({"explain", "--recursive", std::string(names.short_name)});
    ASSERT_THAT(all, IsAccepted());
    EXPECT_NE(all.out.find("conditions"), std::string::npos) << all.out;
  }
  for (const auto& [field, sentence] :
       {std::pair{"apol.spec.freshness.expireSeconds",
                  "Age at which a verified quote stops proving anything."},
        std::pair{"apol.spec.freshness.intervalSeconds", "Time between two quotes of one node."},
        std::pair{"apol.spec.rollout.selector.matchExpressions.operator",
                  "How the label's value relates to the values."},
        std::pair{"refvals.spec.components.digests.value", "The digest, in lower-case hex."},
        std::pair{"natt.status.policies.violations.closest",
                  "The ReferenceValues that came closest."},
        std::pair{"aexc.spec.reason", "Why, for people"}}) {
    const std::string text = Cluster().Kubectl({"explain", field}).out;
    EXPECT_NE(text.find(sentence), std::string::npos) << field << "\n" << text;
  }
}

}  // namespace
}  // namespace plimsoll::cluster
