#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace plimsoll::api {

enum class ConditionStatus : uint8_t { kTrue, kFalse, kUnknown };

std::string_view ToString(ConditionStatus status);  // True, False, Unknown

// One entry of a `conditions` list in metav1.Condition shape. Lists are maps by type.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason = {};  // CamelCase; never empty
  std::string message = {};
  int64_t observed_generation = 0;
  WallTime last_transition_time{};

  bool operator==(const Condition&) const = default;
};

using Conditions = std::vector<Condition>;

// Cuts UTF-8 text to at most `limit` bytes, between two characters.
void CutAtCharacter(std::string& text, size_t limit);

const Condition* Find(const Conditions& conditions, std::string_view type);

// Sets the condition of `wanted.type`. Its last_transition_time becomes `now` where the status
// changes (or the condition is new) and is kept elsewhere, as the Kubernetes API conventions ask.
// Messages longer than 1,024 bytes are cut at a character.
void Set(Conditions& conditions, Condition wanted, WallTime now);

nlohmann::json ToJson(const Conditions& conditions);
Result<Conditions> ConditionsFromJson(const nlohmann::json& list);

}  // namespace plimsoll::api
