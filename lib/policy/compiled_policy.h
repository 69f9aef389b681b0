#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ima/judgement.h"
#include "policy/attestation_policy.h"
#include "policy/endorsement_authority.h"
#include "policy/reference_values.h"

namespace plimsoll::policy {

// IMA allow-lists of ReferenceValues objects, read and joined, by the object's name.
using AllowLists = std::map<std::string, std::shared_ptr<const ima::AllowList>, std::less<>>;

// What a policy may refer to, as far as it exists, and the time at which sets count.
struct PolicyInputs {
  Authorities authorities = {};
  ReferenceSets references = {};
  AllowLists allow_lists = {};
  std::map<std::string, std::string, std::less<>> allow_list_problems = {};  // why one is not here
  std::chrono::sys_seconds now = {};
};

using ReferenceSet = std::shared_ptr<const ReferenceValues>;

// A value that a PCR may hold, or, in a revoked set, must not hold.
struct ListedValue {
  Bytes digest;
  ReferenceSet set;  // null: listed in the policy itself
};

struct CompiledPcrRule {
  PcrRule rule;
  std::vector<ListedValue> values;
};

// A policy with its references resolved, as the appraisal evaluates it. Immutable; share it as
// std::shared_ptr<const CompiledPolicy>.
//
// Compiling never fails: a policy that cannot be judged (no measurement demanded, a reference that
// is missing or unreadable, contradictory fields) is not ready(), and nothing passes it.
class CompiledPolicy {
 public:
  static CompiledPolicy Compile(AttestationPolicy policy, const PolicyInputs& inputs);

  bool ready() const { return problem_.empty(); }
  const std::string& problem() const {
    return problem_;
  }  // for people; the message of PolicyNotReady

  const AttestationPolicy& spec() const { return policy_; }
  const ObjectMeta& meta() const { return policy_.meta; }
  Mode mode() const { return policy_.mode; }
  bool Selects(const Labels& node_labels) const {
    return policy_.node_selector.Matches(node_labels);
  }

  // In the order of the spec's references; present for a ready policy. Sets are listed whatever
  // their state: a revoked one must be able to fail what it lists.
  const std::vector<CompiledPcrRule>& pcr_rules() const { return pcr_rules_; }

  // What must hold when an identity is admitted by first use: every PCR that one of the sets of
  // identity.firstUse.referenceValueRefs lists, with the values of all of them.
  const std::vector<CompiledPcrRule>& first_use_rules() const { return first_use_rules_; }
  const std::vector<ReferenceSet>& component_sets() const { return component_sets_; }
  const std::vector<ReferenceSet>& database_sets() const { return database_sets_; }
  const std::vector<ReferenceSet>& command_line_sets() const { return command_line_sets_; }
  const ima::Rules& ima_rules() const { return *ima_rules_; }

  // Whether what the set lists may be accepted: neither revoked nor outside of its time.
  bool Accepts(const ReferenceValues& set) const {
    return set.state != ReferenceState::kRevoked && set.IsValidAt(now_);
  }

 private:
  CompiledPolicy() = default;

  friend class PolicyCompiler;

  AttestationPolicy policy_;
  std::string problem_;
  std::chrono::sys_seconds now_{};
  std::vector<CompiledPcrRule> pcr_rules_;
  std::vector<CompiledPcrRule> first_use_rules_;
  std::vector<ReferenceSet> component_sets_;
  std::vector<ReferenceSet> database_sets_;
  std::vector<ReferenceSet> command_line_sets_;
  std::shared_ptr<const ima::Rules> ima_rules_ = std::make_shared<const ima::Rules>();
};

}  // namespace plimsoll::policy
