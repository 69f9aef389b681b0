#include "api/json_fields.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace plimsoll::api::json_fields {
namespace {

using nlohmann::json;

// The value of the field, or null where it is absent.
const json* Member(const json& object, const char* field) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(field);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

tl::unexpected<Error> WrongType(const char* field, const char* wanted) {
  return Fail(ErrorCode::kMalformed, fmt::format("field {} is not {}", field, wanted));
}

}  // namespace

Result<json> ParseObject(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(
      json object, ParseJson(text, {.max_bytes = kMaxObjectBytes, .max_depth = kMaxObjectDepth}));
  if (!object.is_object()) {
    return Fail(ErrorCode::kMalformed, "not a JSON object");
  }
  return object;
}

Result<std::string> String(const json& object, const char* field, std::string_view fallback) {
  const json* value = Member(object, field);
  if (value == nullptr) {
    return std::string(fallback);
  }
  if (!value->is_string()) {
    return WrongType(field, "a string");
  }
  return value->get_ref<const std::string&>();
}

Result<int64_t> Integer(const json& object, const char* field, int64_t fallback) {
  const json* value = Member(object, field);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))) {
    return WrongType(field, "an integer of 64 bits");
  }
  return value->get<int64_t>();
}

Result<bool> Boolean(const json& object, const char* field, bool fallback) {
  const json* value = Member(object, field);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_boolean()) {
    return WrongType(field, "a boolean");
  }
  return value->get<bool>();
}

Result<WallTime> Time(const json& object, const char* field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, String(object, field));
  return text.empty() ? Result<WallTime>(WallTime{}) : ParseTime(text);
}

Result<json> Object(const json& object, const char* field) {
  const json* value = Member(object, field);
  if (value == nullptr) {
    return json::object();
  }
  if (!value->is_object()) {
    return WrongType(field, "an object");
  }
  return *value;
}

Result<json> List(const json& object, const char* field) {
  const json* value = Member(object, field);
  if (value == nullptr) {
    return json::array();
  }
  if (!value->is_array()) {
    return WrongType(field, "a list");
  }
  return *value;
}

Result<std::vector<std::string>> Texts(const json& object, const char* field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json list, List(object, field));
  std::vector<std::string> texts;
  for (const json& entry : list) {
    if (!entry.is_string()) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("field {} holds something else than strings", field));
    }
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

bool Has(const json& object, const char* field) { return Member(object, field) != nullptr; }

Result<std::optional<WallTime>> OptionalTime(const json& object, const char* field) {
  if (!Has(object, field)) {
    return std::optional<WallTime>();
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const WallTime time, Time(object, field));
  return std::optional<WallTime>(time);
}

void PutText(json& object, const char* field, const std::string& value) {
  if (!value.empty()) {
    object[field] = value;
  }
}

void PutTime(json& object, const char* field, const std::optional<WallTime>& time) {
  if (time) {
    object[field] = FormatTime(*time);
  }
}

}  // namespace plimsoll::api::json_fields
