#include "api/condition.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/json_fields.h"

namespace plimsoll::api {
namespace {

constexpr size_t kMaxMessageBytes = 1024;

Result<ConditionStatus> StatusFromText(std::string_view text) {
  if (text == "True") {
    return ConditionStatus::kTrue;
  }
  if (text == "False") {
    return ConditionStatus::kFalse;
  }
  if (text == "Unknown") {
    return ConditionStatus::kUnknown;
  }
  return Fail(ErrorCode::kMalformed, "condition status is none of True, False, Unknown");
}

}  // namespace

void CutAtCharacter(std::string& text, size_t limit) {
  if (text.size() <= limit) {
    return;
  }
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  text.resize(end);
}

std::string_view ToString(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kTrue:
      return "True";
    case ConditionStatus::kFalse:
      return "False";
    case ConditionStatus::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

const Condition* Find(const Conditions& conditions, std::string_view type) {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const Condition& c) { return c.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

void Set(Conditions& conditions, Condition wanted, WallTime now) {
  CutAtCharacter(wanted.message, kMaxMessageBytes);
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const Condition& c) { return c.type == wanted.type; });
  if (found == conditions.end()) {
    wanted.last_transition_time = now;
    conditions.push_back(std::move(wanted));
    return;
  }
  wanted.last_transition_time = found->status == wanted.status ? found->last_transition_time : now;
  *found = std::move(wanted);
}

nlohmann::json ToJson(const Conditions& conditions) {
  nlohmann::json list = nlohmann::json::array();
  for (const Condition& condition : conditions) {
    nlohmann::json entry = {{"type", condition.type},
                            {"status", ToString(condition.status)},
                            {"reason", condition.reason},
                            {"message", condition.message},
                            {"lastTransitionTime", FormatTime(condition.last_transition_time)}};
    if (condition.observed_generation != 0) {
      entry["observedGeneration"] = condition.observed_generation;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Result<Conditions> ConditionsFromJson(const nlohmann::json& list) {
  Conditions conditions;
  for (const auto& entry : list) {
    Condition condition;
    PLIMSOLL_ASSIGN_OR_RETURN(condition.type, json_fields::String(entry, "type"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string status, json_fields::String(entry, "status"));
    PLIMSOLL_ASSIGN_OR_RETURN(condition.status, StatusFromText(status));
    PLIMSOLL_ASSIGN_OR_RETURN(condition.reason, json_fields::String(entry, "reason"));
    PLIMSOLL_ASSIGN_OR_RETURN(condition.message, json_fields::String(entry, "message"));
    PLIMSOLL_ASSIGN_OR_RETURN(condition.observed_generation,
                              json_fields::Integer(entry, "observedGeneration"));
    PLIMSOLL_ASSIGN_OR_RETURN(condition.last_transition_time,
                              json_fields::Time(entry, "lastTransitionTime"));
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

}  // namespace plimsoll::api
