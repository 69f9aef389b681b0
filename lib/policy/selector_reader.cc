#include "policy/selector_reader.h"

#include <utility>

#include "base/json.h"
#include "policy/parse_selector.h"
#include "policy/spec_limits.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;
using Operator = LabelSelector::Operator;

void ReadMatchLabels(SpecReader& selector, std::vector<LabelSelector::Requirement>& requirements,
                     Problem& problem) {
  const json* labels = selector.Get("matchLabels");
  if (labels == nullptr) {
    return;
  }
  if (!labels->is_object() || labels->size() > kMaxSelectorItems) {
    problem.Note(selector.path() + ".matchLabels: not a map of labels");
    return;
  }
  for (const auto& [key, value] : labels->items()) {
    if (!value.is_string() || key.empty() || key.size() > kMaxLabelBytes) {
      problem.Note(selector.path() + ".matchLabels: not a map of labels");
      return;
    }
    requirements.push_back({key, Operator::kIn, {value.get<std::string>()}});
  }
}

}  // namespace

std::optional<LabelSelector> ReadSelector(SpecReader& spec, const char* key, Problem& outer) {
  Problem problem;
  std::vector<LabelSelector::Requirement> requirements;
  const json* value = spec.Get(key);
  if (value == nullptr) {
    spec.Refuse(key, "missing");
    return std::nullopt;
  }
  SpecReader selector(value, spec.path() + "." + key, problem);
  ReadMatchLabels(selector, requirements, problem);
  size_t index = 0;
  for (const json* item : selector.List("matchExpressions", kMaxSelectorItems)) {
    SpecReader expression = selector.Element("matchExpressions", index++, *item);
    LabelSelector::Requirement requirement;
    requirement.key = expression.Text("key", kMaxLabelBytes).value_or("");
    std::optional<Operator> op;
    expression.Choice<std::optional<Operator>>("operator",
                                               {{"In", Operator::kIn},
                                                {"NotIn", Operator::kNotIn},
                                                {"Exists", Operator::kExists},
                                                {"DoesNotExist", Operator::kDoesNotExist}},
                                               op);
    requirement.values = expression.Texts("values", kMaxSelectorItems, kMaxLabelBytes);
    expression.RefuseOthers();
    const bool wants_values = op == Operator::kIn || op == Operator::kNotIn;
    if (!op || requirement.key.empty() || requirement.values.empty() == wants_values) {
      expression.Refuse("operator", "key, operator and values do not go together");
      break;
    }
    requirement.op = *op;
    requirements.push_back(std::move(requirement));
  }
  selector.RefuseOthers();
  if (problem.any()) {
    if (!problem.unknown_field().empty()) {
      outer.NoteUnknown(problem.unknown_field());
    }
    outer.Note(problem.text());
    return std::nullopt;
  }
  return LabelSelector(std::move(requirements));
}

Result<LabelSelector> ParseSelector(std::string_view spec, const char* key) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, ParseJson(spec, {kMaxObjectBytes, kMaxObjectDepth}));
  Problem problem;
  SpecReader reader(&object, "spec", problem);
  auto selector = ReadSelector(reader, key, problem);
  if (!selector) {
    return Fail(ErrorCode::kMalformed, problem.text());
  }
  return *std::move(selector);
}

}  // namespace plimsoll::policy
