#include "controller/policies/policy_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "tcg/algorithm.h"

namespace plimsoll::controller::policies {
namespace {

constexpr std::string_view kNodeRestriction = "node-restriction.kubernetes.io";
constexpr std::string_view kNodeRole = "node-role.kubernetes.io";

}  // namespace

bool IsProtectedLabel(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) {
    return false;
  }
  const std::string_view prefix = key.substr(0, slash);
  if (prefix == kNodeRestriction || prefix == kNodeRole) {
    return true;
  }
  return prefix.size() > kNodeRestriction.size() && prefix.ends_with(kNodeRestriction) &&
         prefix[prefix.size() - kNodeRestriction.size() - 1] == '.';
}

std::optional<std::string> WritableSelectorKey(const policy::LabelSelector& selector) {
  for (const auto& requirement : selector.requirements()) {
    if (!IsProtectedLabel(requirement.key)) {
      return requirement.key;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Contradiction(const policy::CompiledPolicy& a,
                                         const policy::CompiledPolicy& b) {
  for (const policy::PcrRule& ours : a.spec().pcrs) {
    for (const policy::PcrRule& theirs : b.spec().pcrs) {
      if (ours.bank != theirs.bank || ours.index != theirs.index) {
        continue;
      }
      const bool common =
          std::any_of(ours.any_of.begin(), ours.any_of.end(), [&](const Bytes& value) {
            return std::find(theirs.any_of.begin(), theirs.any_of.end(), value) !=
                   theirs.any_of.end();
          });
      if (!common) {
        return fmt::format("PCR {} ({}): no value is accepted by both {} and {}", ours.index,
                           tcg::BankName(ours.bank), a.meta().name, b.meta().name);
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> ContradictionOnSomeNode(
    const policy::CompiledPolicy& policy,
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& all,
    const std::vector<std::shared_ptr<const Node>>& nodes) {
  if (policy.mode() == policy::Mode::kAudit) {
    return std::nullopt;
  }
  for (const auto& other : all) {
    if (other->mode() == policy::Mode::kAudit || other->meta().uid == policy.meta().uid) {
      continue;
    }
    auto found = Contradiction(policy, *other);
    if (!found) {
      continue;
    }
    for (const auto& node : nodes) {
      const policy::Labels labels(node->meta.labels.begin(), node->meta.labels.end());
      if (policy.Selects(labels) && other->Selects(labels)) {
        return fmt::format("{}; both select node {}", *found, node->meta.name);
      }
    }
  }
  return std::nullopt;
}

}  // namespace plimsoll::controller::policies
