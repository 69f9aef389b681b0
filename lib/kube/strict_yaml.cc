#include "kube/strict_yaml.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace plimsoll::kube {
namespace {

using nlohmann::json;

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxDepth = 32;

// The parser can only be left by an exception; caught in ParseStrictYaml.
class Refused : public std::runtime_error {
 public:
  Refused(const YAML::Mark& mark, const std::string& why)
      : std::runtime_error("line " + std::to_string(mark.line + 1) + ": " + why) {}
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  json Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Place(mark, nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw Refused(mark, "aliases are not supported");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    if (!open_.empty() && open_.back().container->is_object() && !open_.back().key) {
      if (open_.back().container->contains(value)) {
        throw Refused(mark, "duplicate key \"" + value + "\"");
      }
      open_.back().key = value;
      return;
    }
    const bool plain = tag == "?";
    if (plain && (value.empty() || value == "~" || value == "null")) {
      Place(mark, nullptr);
    } else {
      Place(mark, value);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, json::array());
  }
  void OnSequenceEnd() override { open_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, json::object());
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  struct Container {
    json* container;  // stable: only the innermost grows
    std::optional<std::string> key;
  };

  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      throw Refused(mark, "anchors are not supported");
    }
  }

  // "?" stands for no tag on a plain scalar or a collection, "!" for none on a quoted scalar.
  static void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused(mark, "tags are not supported");
    }
  }

  json* Place(const YAML::Mark& mark, json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Container& parent = open_.back();
    if (parent.container->is_array()) {
      parent.container->push_back(std::move(value));
      return &parent.container->back();
    }
    if (!parent.key) {
      throw Refused(mark, "a key must be a text");
    }
    json& placed = (*parent.container)[*parent.key];
    parent.key.reset();
    placed = std::move(value);
    return &placed;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, json empty) {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    if (open_.size() >= kMaxDepth) {
      throw Refused(mark, "nested too deeply");
    }
    open_.push_back({Place(mark, std::move(empty)), std::nullopt});
  }

  json root_;
  std::vector<Container> open_;
};

}  // namespace

Result<json> ParseStrictYaml(const std::string& text) {
  if (text.size() > kMaxBytes) {
    return Fail(ErrorCode::kTooLarge, "the YAML document is over 1 MiB");
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) {
      return Fail(ErrorCode::kMalformed, "there is no YAML document");
    }
    json tree = builder.Take();
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      return Fail(ErrorCode::kMalformed, "there is more than one YAML document");
    }
    return tree;
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kMalformed, std::string("YAML refused: ") + error.what());
  }
}

}  // namespace plimsoll::kube
