#include "policy/label_selector.h"

#include <algorithm>

namespace plimsoll::policy {
namespace {

bool Holds(const LabelSelector::Requirement& requirement, const Labels& labels) {
  const auto label = labels.find(requirement.key);
  const bool present = label != labels.end();
  const bool listed = present && std::find(requirement.values.begin(), requirement.values.end(),
                                           label->second) != requirement.values.end();
  switch (requirement.op) {
    case LabelSelector::Operator::kIn:
      return listed;
    case LabelSelector::Operator::kNotIn:
      return !listed;
    case LabelSelector::Operator::kExists:
      return present;
    case LabelSelector::Operator::kDoesNotExist:
      return !present;
  }
  return false;
}

}  // namespace

bool LabelSelector::Matches(const Labels& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&labels](const Requirement& r) { return Holds(r, labels); });
}

}  // namespace plimsoll::policy
