#include "base/yaml.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace plimsoll {
namespace {

using nlohmann::json;

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxQuotedBytes = 64;

// The parser can only be left by an exception; caught in ParseStrictYaml.
class Refused : public std::runtime_error {
 public:
  Refused(const YAML::Mark& mark, const std::string& why)
      : std::runtime_error("line " + std::to_string(mark.line + 1) + ": " + why) {}
};

// What a reader of YAML 1.1 might take for a number, a time or a truth value.
bool IsAmbiguous(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kWords = {"y",  "n",   "yes",  "no",
                                                             "on", "off", "true", "false"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) {
    return true;
  }
  if (lower.find_first_of("0123456789") == std::string::npos) {
    return lower == ".inf" || lower == "+.inf" || lower == "-.inf" || lower == ".nan";
  }
  // Digits with at most one exponent, a point, signs, separators: 007, 1.5, 1e3, 1_000, 12:30.
  const bool hex = lower.rfind("0x", 0) == 0 || lower.rfind("0o", 0) == 0;
  const bool numeric =
      lower.find_first_not_of("0123456789+-._:e") == std::string::npos &&
      std::count(lower.begin(), lower.end(), 'e') <= 1 &&
      std::count(lower.begin(), lower.end(), '.') <= 1 &&
      std::string_view("0123456789+-.").find(lower.front()) != std::string_view::npos &&
      lower.find('-', 1) == std::string::npos;
  return hex || numeric;
}

// A decimal integer as JSON writes it, that 64 bits hold.
std::optional<int64_t> AsInteger(std::string_view text) {
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  const bool canonical = !digits.empty() && (digits == "0" || digits.front() != '0') &&
                         digits.find_first_not_of("0123456789") == std::string_view::npos;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return canonical && error == std::errc() && end == text.data() + text.size()
             ? std::optional(value)
             : std::nullopt;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  // `last_start` is where the document before began, and becomes where this one does.
  TreeBuilder(YamlScalars scalars, int& last_start) : scalars_(scalars), last_start_(last_start) {}

  json Take() { return std::move(root_); }

  // Of a stray "," or ":" the parser makes one empty document after the other and never gets past.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_start_) {
      throw Refused(mark, "this belongs to nothing");
    }
    last_start_ = mark.pos;
  }
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
    } else if (plain && scalars_ == YamlScalars::kTyped) {
      Place(mark, Typed(mark, value));
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

  static json Typed(const YAML::Mark& mark, const std::string& value) {
    if (value == "true" || value == "false") {
      return value == "true";
    }
    if (const auto integer = AsInteger(value)) {
      return *integer;
    }
    if (IsAmbiguous(value)) {
      throw Refused(mark, "\"" + value.substr(0, kMaxQuotedBytes) +
                              "\" may be read as a number or a truth value: quote it");
    }
    return value;
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

  YamlScalars scalars_;
  int& last_start_;
  json root_;
  std::vector<Container> open_;
};

}  // namespace

Result<std::vector<json>> ParseYaml(const std::string& text, YamlScalars scalars,
                                    YamlLimits limits) {
  if (text.size() > limits.max_bytes) {
    return Fail(ErrorCode::kTooLarge,
                "the YAML text is over " + std::to_string(limits.max_bytes) + " bytes");
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    std::vector<json> documents;
    int start = -1;
    while (true) {
      TreeBuilder builder(scalars, start);
      if (!parser.HandleNextDocument(builder)) {
        return documents;
      }
      json tree = builder.Take();
      if (tree.is_null()) {
        continue;
      }
      if (documents.size() == limits.max_documents) {
        return Fail(ErrorCode::kTooLarge, limits.max_documents == 1
                                              ? std::string("there is more than one YAML document")
                                              : "there are more than " +
                                                    std::to_string(limits.max_documents) +
                                                    " YAML documents");
      }
      documents.push_back(std::move(tree));
    }
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kMalformed, std::string("YAML refused: ") + error.what());
  }
}

Result<json> ParseYamlDocument(const std::string& text, YamlScalars scalars) {
  PLIMSOLL_ASSIGN_OR_RETURN(std::vector<json> documents, ParseYaml(text, scalars, {}));
  if (documents.empty()) {
    return Fail(ErrorCode::kMalformed, "there is no YAML document");
  }
  return std::move(documents.front());
}

}  // namespace plimsoll
