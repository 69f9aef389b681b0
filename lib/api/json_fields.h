#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// Reading fields of API objects. An absent or null field gives the fallback; one of another JSON
// type is kMalformed and names the field, so that an object that says something unexpected is never
// taken for one that says nothing.
namespace plimsoll::api::json_fields {

// The largest object that is decoded; the API server itself stops near 1.5 MiB.
inline constexpr size_t kMaxObjectBytes = size_t{4} << 20U;
inline constexpr size_t kMaxObjectDepth = 64;  // managedFields nest deeply

Result<nlohmann::json> ParseObject(std::string_view text);

Result<std::string> String(const nlohmann::json& object, const char* field,
                           std::string_view fallback = "");
Result<int64_t> Integer(const nlohmann::json& object, const char* field, int64_t fallback = 0);
Result<bool> Boolean(const nlohmann::json& object, const char* field, bool fallback = false);
Result<WallTime> Time(const nlohmann::json& object, const char* field);  // absent = the epoch

// The object or list of that name; an empty one where it is absent.
Result<nlohmann::json> Object(const nlohmann::json& object, const char* field);
Result<nlohmann::json> List(const nlohmann::json& object, const char* field);

// The list of texts of that name; an empty one where it is absent.
Result<std::vector<std::string>> Texts(const nlohmann::json& object, const char* field);

// Whether `object` has the field with another value than null.
bool Has(const nlohmann::json& object, const char* field);

// The time, or nullopt where it is absent.
Result<std::optional<WallTime>> OptionalTime(const nlohmann::json& object, const char* field);

// Writing: an empty text and an absent time leave the field out.
void PutText(nlohmann::json& object, const char* field, const std::string& value);
void PutTime(nlohmann::json& object, const char* field, const std::optional<WallTime>& time);

}  // namespace plimsoll::api::json_fields
