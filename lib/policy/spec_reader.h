#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "policy/object_meta.h"
#include "tcg/algorithm.h"

// How the parsers of this module read a Kubernetes object. Internal to lib/policy.
namespace plimsoll::policy {

inline constexpr size_t kMaxWordBytes = 64;  // of a value that is one of a few words

// Keeps the first thing that cannot be obeyed in an object.
class Problem {
 public:
  void Note(std::string text) {
    if (text_.empty()) {
      text_ = std::move(text);
    }
  }
  // A member that this version does not know; a problem like any other.
  void NoteUnknown(std::string field) {
    Note(field + ": not a field that this version obeys");
    if (unknown_field_.empty()) {
      unknown_field_ = std::move(field);
    }
  }
  bool any() const { return !text_.empty(); }
  const std::string& text() const { return text_; }
  const std::string& unknown_field() const { return unknown_field_; }

 private:
  std::string text_;
  std::string unknown_field_;
};

// Reads one JSON object of a spec. What is wrong goes to the Problem, and the value stays as it
// was; members that nobody asked for are a problem too: a field that is not obeyed must not look as
// if it were. null counts as absent, as in the Kubernetes API.
class SpecReader {
 public:
  // `value` may be null: then everything is absent. Both references must outlive the reader.
  SpecReader(const nlohmann::json* value, std::string path, Problem& problem);

  // Every member that exists has been read, or that is a problem.
  void RefuseOthers();

  const nlohmann::json* Get(std::string_view key);  // nullptr when absent
  SpecReader Object(std::string_view key);
  std::vector<const nlohmann::json*> List(std::string_view key, size_t max_items);
  std::optional<std::string> Text(std::string_view key, size_t max_bytes);
  std::vector<std::string> Texts(std::string_view key, size_t max_items, size_t max_bytes);
  void Number(std::string_view key, int64_t min, int64_t max, int64_t& value);
  std::optional<std::chrono::sys_seconds> Time(std::string_view key);  // RFC 3339

  // Digests in lower-case hex of the algorithm's length.
  std::vector<Bytes> Digests(std::string_view key, tcg::AlgorithmId algorithm, size_t max_items);
  // Hash algorithm by its name, sha1 to sha512.
  std::optional<tcg::AlgorithmId> Hash(std::string_view key);

  // Sets `value` to what the word stands for.
  template <class T>
  void Choice(std::string_view key, std::initializer_list<std::pair<std::string_view, T>> words,
              T& value) {
    const auto text = Text(key, kMaxWordBytes);
    if (!text) {
      return;
    }
    for (const auto& [word, meaning] : words) {
      if (*text == word) {
        value = meaning;
        return;
      }
    }
    Refuse(key, "not one of the values that this version knows");
  }

  // A reader of an element of a list.
  SpecReader Element(std::string_view key, size_t index, const nlohmann::json& value);

  void Refuse(std::string_view key, std::string_view what);
  const std::string& path() const { return path_; }

 private:
  const nlohmann::json* value_;
  std::string path_;
  Problem& problem_;
  std::set<std::string, std::less<>> read_;
};

// metadata of an object of `kind` in our API group and version; kMalformed when it is another kind
// or has no name.
Result<ObjectMeta> ReadMeta(const nlohmann::json& object, std::string_view kind);

inline constexpr size_t kMaxObjectBytes = 2 * 1024 * 1024;  // etcd takes no more than 1.5 MiB
inline constexpr size_t kMaxObjectDepth = 32;               // managedFields are deep
inline constexpr size_t kMaxObjectNameBytes = 253;

}  // namespace plimsoll::policy
