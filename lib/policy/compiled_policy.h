#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/attestation_policy.h"
#include "policy/endorsement_authority.h"

namespace plimsoll::policy {

// A policy with its references resolved, as the appraisal evaluates it. Immutable; share it as
// std::shared_ptr<const CompiledPolicy>.
//
// Compiling never fails: a policy that cannot be judged (no measurement demanded, an authority that
// is missing or unreadable, contradictory fields) is not ready(), and nothing passes it.
class CompiledPolicy {
 public:
  static CompiledPolicy Compile(AttestationPolicy policy, const Authorities& authorities);

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

 private:
  CompiledPolicy() = default;

  AttestationPolicy policy_;
  std::string problem_;
};

}  // namespace plimsoll::policy
