#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kube/lookup.h"
#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "policy/attestation_policy.h"
#include "policy/compiled_policy.h"
#include "policy/endorsement_authority.h"

// What nodes are judged by: AttestationPolicy and EndorsementAuthority objects, watched, resolved
// and compiled. Reads informers only; knows no agent and no TPM.
namespace plimsoll::controller::policies {

// Everything that one node is judged with, from one look at the caches.
struct NodePolicies {
  // That select the node, ready or not, by name.
  std::vector<std::shared_ptr<const policy::CompiledPolicy>> policies;
  policy::Authorities authorities;  // that those policies name and that exist

  bool enforced = false;  // some policy that selects the node is Enforce or Suspended
  policy::TaintEffect taint_effect = policy::TaintEffect::kNone;  // the strictest of those

  // The shortest of all that select the node, Audit policies included.
  std::chrono::seconds interval{0};

  // The shortest of those that decide; Audit policies count only where no other selects the node.
  std::chrono::seconds expire{0};
};

// The picture that a replica has of all policies. Thread-safe; compiled policies are kept until the
// generation of the policy or of an authority that it names changes.
class Picture {
 public:
  // `default_freshness` is for nodes that no policy selects. The lookups must outlive the picture.
  Picture(const Lookup<PolicyObject>& policies, const Lookup<AuthorityObject>& authorities,
          policy::Freshness default_freshness);
  ~Picture();

  NodePolicies For(const Node& node) const;

  // All policies compiled, by name.
  std::vector<std::shared_ptr<const policy::CompiledPolicy>> All() const;

 private:
  struct Cache;
  const Lookup<PolicyObject>& policies_;
  const Lookup<AuthorityObject>& authorities_;
  const policy::Freshness default_freshness_;
  std::unique_ptr<Cache> cache_;
};

// The fingerprint of everything that a node is judged with (api.md 3.4): SHA-256, in hex, over the
// sorted lines "kind uid generation" of its policies and their authorities, and of the identity
// with its node UID, AK Name, manufacturer, decision and admissions. Equal on all replicas that see
// the same objects. `identity` may be null.
std::string InputsHash(const NodePolicies& policies, const TpmIdentity* identity);

}  // namespace plimsoll::controller::policies
