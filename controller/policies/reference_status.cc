#include "controller/policies/reference_status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace plimsoll::controller::policies {
namespace {

using nlohmann::json;

constexpr size_t kMaxPolicyNamesBytes = 256;

std::string JoinNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (text.size() + name.size() + 1 > kMaxPolicyNamesBytes) {
      break;
    }
    text += text.empty() ? name : fmt::format(",{}", name);
  }
  return text;
}

std::optional<WallTime> StoredMatchedTime(const ReferenceObject& object) {
  const auto status = json_fields::ParseObject(object.status_text);
  if (!status) {
    return std::nullopt;
  }
  const auto time = json_fields::OptionalTime(*status, "lastMatchedTime");
  return time ? *time : std::nullopt;
}

Condition ReadyCondition(const ResolvedReference& reference, std::chrono::sys_seconds now) {
  Condition ready{.type = "Ready", .status = ConditionStatus::kFalse, .reason = "NotUsable"};
  if (!reference.set->problem.empty()) {
    ready.message = reference.set->problem;
  } else if (!reference.files_problem.empty()) {
    ready.reason = "AllowListNotReadable";
    ready.message = reference.files_problem;
  } else if (reference.set->state == policy::ReferenceState::kRevoked) {
    ready.reason = "Revoked";
    ready.message = "what the set lists fails, even where another set matches";
  } else if (!reference.set->IsValidAt(now)) {
    ready.reason = "OutsideValidity";
    ready.message = "the set counts only between notBefore and notAfter";
  } else {
    ready.status = ConditionStatus::kTrue;
    ready.reason = "Resolved";
    ready.message = "policies can use the set";
  }
  return ready;
}

}  // namespace

std::map<std::string, ReferenceUse> CountReferenceUse(
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& policies,
    const std::vector<std::shared_ptr<const Node>>& nodes,
    const Lookup<NodeAttestation>& attestations) {
  std::map<std::string, ReferenceUse> uses;
  for (const auto& compiled : policies) {
    for (const std::string& name : SetsNamedBy(compiled->spec())) {
      uses[name].policies.push_back(compiled->meta().name);
    }
  }
  for (const auto& node : nodes) {
    const auto attestation = attestations.Get(node->meta.name);
    if (!attestation || attestation->status.node_uid != node->meta.uid) {
      continue;
    }
    std::set<std::string> matched;
    for (const PolicyResult& result : attestation->status.policies) {
      matched.insert(result.reference_values.begin(), result.reference_values.end());
    }
    for (const std::string& name : matched) {
      ReferenceUse& use = uses[name];
      ++use.matched_nodes;
      use.last_matched = std::max(use.last_matched, attestation->status.last_verified_time);
    }
  }
  return uses;
}

int64_t CountValues(const ResolvedReference& reference) {
  const policy::ReferenceValues& set = *reference.set;
  size_t count = set.command_lines.size() + set.keys.size();
  for (const policy::ReferencePcr& pcr : set.pcrs) {
    count += pcr.digests.size();
  }
  for (const policy::ReferenceComponent& component : set.components) {
    count += component.digests.size() + component.signers.size();
  }
  for (const auto& [which, database] : set.databases) {
    count += database.entries.size();
  }
  if (reference.files) {
    count += reference.files->size();
  }
  return static_cast<int64_t>(count);
}

json ReferenceStatus(const ReferenceObject& object, const ResolvedReference& reference,
                     const ReferenceUse& use) {
  json status = {{"observedGeneration", object.meta.generation},
                 {"values", CountValues(reference)},
                 {"matchedNodes", use.matched_nodes},
                 {"policyNames", JoinNames(use.policies)}};
  std::optional<WallTime> matched = StoredMatchedTime(object);
  if (use.last_matched && (!matched || *use.last_matched - *matched >= kMatchedTimeStep)) {
    matched = use.last_matched;
  }
  json_fields::PutTime(status, "lastMatchedTime", matched);
  return status;
}

std::vector<Condition> ReferenceConditions(const ResolvedReference& reference,
                                           const ReferenceUse& use, std::chrono::sys_seconds now) {
  const bool used = !use.policies.empty();
  return {ReadyCondition(reference, now),
          {.type = "InUse",
           .status = used ? ConditionStatus::kTrue : ConditionStatus::kFalse,
           .reason = used ? "NamedByPolicies" : "NoPolicy",
           .message = used ? fmt::format("named by {} polic{}", use.policies.size(),
                                         use.policies.size() == 1 ? "y" : "ies")
                           : "no policy names it"}};
}

}  // namespace plimsoll::controller::policies
