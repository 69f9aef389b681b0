#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace plimsoll::policy {

using Labels = std::map<std::string, std::string, std::less<>>;

// metav1.LabelSelector: all of `match_labels` and all of `match_expressions` must hold; an empty
// selector selects everything.
//
// As in apimachinery, NotIn also holds for an object that has no such label.
class LabelSelector {
 public:
  enum class Operator : uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;  // for kIn and kNotIn, at least one
  };

  LabelSelector() = default;
  explicit LabelSelector(std::vector<Requirement> requirements)
      : requirements_(std::move(requirements)) {}

  bool Matches(const Labels& labels) const;

  // matchLabels are kept as kIn with one value.
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
};

}  // namespace plimsoll::policy
