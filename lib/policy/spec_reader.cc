#include "policy/spec_reader.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/encoding.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;

constexpr std::string_view kApiVersion = "plimsoll.dev/v1alpha1";

std::string TextOr(const json& object, const char* key, std::string_view otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string(otherwise);
}

}  // namespace

SpecReader::SpecReader(const json* value, std::string path, Problem& problem)
    : value_(value), path_(std::move(path)), problem_(problem) {
  if (value_ != nullptr && !value_->is_object()) {
    problem_.Note(path_ + ": not an object");
    value_ = nullptr;
  }
}

void SpecReader::Refuse(std::string_view key, std::string_view what) {
  problem_.Note(path_ + "." + std::string(key) + ": " + std::string(what));
}

void SpecReader::RefuseOthers() {
  if (value_ == nullptr) {
    return;
  }
  for (const auto& [key, value] : value_->items()) {
    if (!read_.contains(key)) {
      problem_.NoteUnknown(path_ + "." + key);
    }
  }
}

const json* SpecReader::Get(std::string_view key) {
  if (value_ == nullptr) {
    return nullptr;
  }
  read_.emplace(key);
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

SpecReader SpecReader::Object(std::string_view key) {
  return {Get(key), path_ + "." + std::string(key), problem_};
}

SpecReader SpecReader::Element(std::string_view key, size_t index, const json& value) {
  return {&value, path_ + "." + std::string(key) + "[" + std::to_string(index) + "]", problem_};
}

std::vector<const json*> SpecReader::List(std::string_view key, size_t max_items) {
  const json* list = Get(key);
  if (list == nullptr) {
    return {};
  }
  if (!list->is_array() || list->size() > max_items) {
    Refuse(key, list->is_array() ? "too many items" : "not a list");
    return {};
  }
  std::vector<const json*> items;
  for (const json& item : *list) {
    items.push_back(&item);
  }
  return items;
}

std::optional<std::string> SpecReader::Text(std::string_view key, size_t max_bytes) {
  const json* value = Get(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  const auto* text = value->get_ptr<const std::string*>();
  if (text == nullptr || text->size() > max_bytes) {
    Refuse(key, text == nullptr ? "not a string" : "too long");
    return std::nullopt;
  }
  return *text;
}

std::vector<std::string> SpecReader::Texts(std::string_view key, size_t max_items,
                                           size_t max_bytes) {
  std::vector<std::string> texts;
  for (const json* item : List(key, max_items)) {
    const auto* text = item->get_ptr<const std::string*>();
    if (text == nullptr || text->size() > max_bytes) {
      Refuse(key, text == nullptr ? "not a list of strings" : "too long");
      return {};
    }
    texts.push_back(*text);
  }
  return texts;
}

void SpecReader::Number(std::string_view key, int64_t min, int64_t max, int64_t& value) {
  const json* member = Get(key);
  if (member == nullptr) {
    return;
  }
  // An unsigned number that no int64_t holds must not wrap around into the range.
  const bool fits = member->is_number_integer() &&
                    (!member->is_number_unsigned() || member->get<uint64_t>() <= INT64_MAX);
  const int64_t number = fits ? member->get<int64_t>() : 0;
  if (!fits || number < min || number > max) {
    Refuse(key, "not a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return;
  }
  value = number;
}

std::optional<std::chrono::sys_seconds> SpecReader::Time(std::string_view key) {
  const auto text = Text(key, kMaxWordBytes);
  if (!text) {
    return std::nullopt;
  }
  const auto time = ParseSeconds(*text);
  if (!time) {
    Refuse(key, "not a time as in 2026-11-24T08:00:00Z");
    return std::nullopt;
  }
  return *time;
}

std::vector<Bytes> SpecReader::Digests(std::string_view key, tcg::AlgorithmId algorithm,
                                       size_t max_items) {
  constexpr size_t kMaxHexBytes = 128;
  std::vector<Bytes> digests;
  for (const std::string& text : Texts(key, max_items, kMaxHexBytes)) {
    auto digest = FromHex(text);
    if (!digest || digest->size() != tcg::DigestSize(algorithm)) {
      Refuse(key, fmt::format("\"{}\" is not {} lower-case hex digits, as {} has", text,
                              2 * tcg::DigestSize(algorithm), tcg::BankName(algorithm)));
      return {};
    }
    digests.push_back(*std::move(digest));
  }
  return digests;
}

std::optional<tcg::AlgorithmId> SpecReader::Hash(std::string_view key) {
  const auto algorithm = tcg::BankFromName(Text(key, kMaxWordBytes).value_or(""));
  if (!algorithm) {
    Refuse(key, "not sha1, sha256, sha384 or sha512");
  }
  return algorithm;
}

Result<ObjectMeta> ReadMeta(const json& object, std::string_view kind) {
  if (!object.is_object() || TextOr(object, "kind", kind) != kind ||
      TextOr(object, "apiVersion", kApiVersion) != kApiVersion) {
    // Items of a list carry neither kind nor apiVersion; where they are there, they must be ours.
    return Fail(ErrorCode::kMalformed, "not an object of kind " + std::string(kind));
  }
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return Fail(ErrorCode::kMalformed, std::string(kind) + " without metadata");
  }
  ObjectMeta meta;
  meta.name = TextOr(*metadata, "name", "");
  meta.uid = TextOr(*metadata, "uid", "");
  meta.resource_version = TextOr(*metadata, "resourceVersion", "");
  if (const auto found = metadata->find("generation");
      found != metadata->end() && found->is_number_integer()) {
    meta.generation = found->get<int64_t>();
  }
  if (meta.name.empty() || meta.name.size() > kMaxObjectNameBytes) {
    return Fail(ErrorCode::kMalformed, std::string(kind) + " without a name");
  }
  return meta;
}

}  // namespace plimsoll::policy
