#include "policy/compiled_policy.h"

#include <utility>

namespace plimsoll::policy {
namespace {

// Why the policy cannot be judged; empty when it can.
std::string FindProblem(const AttestationPolicy& policy, const Authorities& authorities) {
  if (!policy.problem.empty()) {
    return policy.problem;
  }
  if (policy.pcrs.empty()) {
    return "spec demands no measurement";
  }
  const IdentityRule& identity = policy.identity;
  if (identity.admission != Admission::kEndorsementCertificate) {
    return {};  // a person decides, authorities are not looked at
  }
  if (identity.authority_refs.empty()) {
    return "spec.identity.endorsementAuthorityRefs: empty, so no certificate could count";
  }
  for (const std::string& name : identity.authority_refs) {
    const auto found = authorities.find(name);
    if (found == authorities.end() || found->second == nullptr) {
      return "EndorsementAuthority " + name + " does not exist";
    }
    if (!found->second->problem.empty()) {
      return "EndorsementAuthority " + name + ": " + found->second->problem;
    }
  }
  return {};
}

}  // namespace

CompiledPolicy CompiledPolicy::Compile(AttestationPolicy policy, const Authorities& authorities) {
  CompiledPolicy compiled;
  compiled.problem_ = FindProblem(policy, authorities);
  compiled.policy_ = std::move(policy);
  return compiled;
}

}  // namespace plimsoll::policy
