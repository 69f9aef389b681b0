#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "evidence/challenge.h"
#include "tcg/name.h"
#include "tcg/pcr_selection.h"

// How the decoders of this module read JSON. Internal to lib/evidence: it shows simdjson.
namespace plimsoll::evidence {

// One JSON text with one object at the root, read strictly: at most kMaxJsonDepth deep, no key
// twice in any object, at most kMaxObjectMembers in one.
//
// Parse refuses what is not JSON, or much deeper; the rest is judged by CheckStructure(), so that a
// reader of one field can come before it.
class JsonDocument {
 public:
  static constexpr size_t kMaxObjectMembers = 1024;

  static Result<JsonDocument> Parse(std::string_view text, size_t max_bytes,
                                    size_t max_depth = kMaxJsonDepth + 1);

  Status CheckStructure() const { return CheckStructure(root_, 1); }

  // The same for a part of a document, `depth` deep in it.
  static Status CheckStructure(simdjson::dom::element value, size_t depth);
  // The object alone, not what is in it.
  static Status CheckKeys(simdjson::dom::object object);

  // A small body, keys checked.
  static Result<JsonDocument> ParseSmall(std::string_view body);

  // Valid as long as this document, moved or not.
  simdjson::dom::object root() const { return root_.get_object().value_unsafe(); }

 private:
  JsonDocument() = default;

  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element root_;  // an object
};

// Reads the members of one object. The first failure is kept and everything after it reads as
// empty, so that a decoder is a list of fields with one Finish() at its end. Unknown members are
// ignored; null counts as absent.
class ObjectReader {
 public:
  explicit ObjectReader(simdjson::dom::object object, std::string_view path = {})
      : object_(object), path_(path) {}

  // The value, or the first failure.
  template <class T>
  Result<T> Finish(T value) && {
    if (error_) {
      return tl::unexpected(*std::move(error_));
    }
    return value;
  }

  // After failed().
  tl::unexpected<Error> Failure() && { return tl::unexpected(*std::move(error_)); }

  bool Has(std::string_view key) { return Find(key).has_value(); }

  std::string FreeText(std::string_view key);
  std::string OptionalFreeText(std::string_view key);  // "" when absent
  std::string Id(std::string_view key);
  std::string Uuid(std::string_view key);
  std::string NodeName(std::string_view key);
  std::string ReasonWord(std::string_view key);
  std::string_view Word(std::string_view key);  // any string; for the caller to judge

  uint64_t Number(std::string_view key, uint64_t max);
  std::optional<uint64_t> OptionalNumber(std::string_view key, uint64_t max);
  bool Flag(std::string_view key);

  Bytes Base64(std::string_view key, size_t max_bytes);
  std::optional<Bytes> OptionalBase64(std::string_view key, size_t max_bytes);
  std::vector<Bytes> OptionalBase64List(std::string_view key, size_t max_items, size_t max_bytes);
  Bytes Sha256(std::string_view key);                   // lower-case hex
  std::optional<tcg::Name> Name(std::string_view key);  // nullopt only after a failure
  std::vector<std::string> ShortWords(std::string_view key, size_t max_items);

  // Banks with their PCRs. With `skip_unknown`, a bank of a hash that we do not know is left out.
  tcg::PcrSelection Selection(std::string_view key, bool skip_unknown);

  ObjectReader Object(std::string_view key);
  std::optional<ObjectReader> OptionalObject(std::string_view key);

  // The elements of a list of at most `max_items`.
  std::vector<simdjson::dom::element> Items(std::string_view key, size_t max_items);

  // Takes over the failure of an object or element that was read on its own.
  void Adopt(ObjectReader&& inner);
  void Fail(std::string_view key, std::string_view what, ErrorCode code = ErrorCode::kMalformed);

  bool failed() const { return error_.has_value(); }

 private:
  std::optional<simdjson::dom::element> Find(std::string_view key);     // absent: nullopt
  std::optional<simdjson::dom::element> Require(std::string_view key);  // absent: a failure
  std::string Checked(std::string_view key, bool (*is)(std::string_view), std::string_view what);
  Bytes DecodeBase64(std::string_view key, simdjson::dom::element value, size_t max_bytes);

  simdjson::dom::object object_;
  std::string path_;
  std::optional<Error> error_;
};

// {"sha256", "size"}; absent or null: nullopt.
std::optional<LogName> ReadLogName(ObjectReader& reader, std::string_view key);

}  // namespace plimsoll::evidence
