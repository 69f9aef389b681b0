#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/references.h"
#include "controller/policies/rollout.h"
#include "kube/lookup.h"
#include "policy/attestation_policy.h"
#include "policy/compiled_policy.h"
#include "policy/endorsement_authority.h"

// What nodes are judged by: AttestationPolicy, EndorsementAuthority and ReferenceValues objects,
// watched, resolved and compiled. Reads informers only; knows no agent and no TPM.
namespace plimsoll::controller::policies {

// Everything that one node is judged with, from one look at the caches.
struct NodePolicies {
  // That select the node, ready or not, by name.
  std::vector<std::shared_ptr<const policy::CompiledPolicy>> policies;
  std::vector<std::string> inputs;  // a line for each object and text that was read for them

  bool enforced = false;  // some policy that selects the node is Enforce or Suspended
  policy::TaintEffect taint_effect = policy::TaintEffect::kNone;  // the strictest of those

  // The shortest of all that select the node, Audit policies included.
  std::chrono::seconds interval{0};

  // The shortest of those that decide; Audit policies count only where no other selects the node.
  std::chrono::seconds expire{0};

  // When the validity of a reference set next changes by itself, if ever.
  std::optional<std::chrono::sys_seconds> changes;

  // Fingerprint of the IMA rules of all that read the IMA list; empty where nobody does. A list is
  // judged from its beginning again when this changes.
  std::string runtime_rules;
};

struct PictureSources {
  const Lookup<PolicyObject>& policies;
  const References& references;
  const Clock& clock;
  const Rollouts* rollouts = nullptr;  // null: every policy applies everywhere at once
};

// The picture that a replica has of all policies. Thread-safe; compiled policies are kept until
// something changes that they were compiled from.
class Picture {
 public:
  // `default_freshness` is for nodes that no policy selects. The sources must outlive the picture.
  Picture(PictureSources sources, policy::Freshness default_freshness);
  ~Picture();

  NodePolicies For(const Node& node) const;

  // All policies compiled, by name.
  std::vector<std::shared_ptr<const policy::CompiledPolicy>> All() const;

  // The authority with the texts that it refers to; null where there is none.
  std::shared_ptr<const policy::EndorsementAuthority> Authority(const std::string& name) const;

  // The reference set with its allow-list; null where there is none.
  std::shared_ptr<const ResolvedReference> Reference(const std::string& name) const;

 private:
  struct Cache;
  struct Compiled;
  std::shared_ptr<const Compiled> Get(const PolicyObject& object) const;

  const PictureSources sources_;
  const policy::Freshness default_freshness_;
  std::unique_ptr<Cache> cache_;
};

// The fingerprint of everything that a node is judged with (api.md 3.4): SHA-256, in hex, over the
// sorted lines of its policies and all that they refer to, and of the identity with its node UID,
// AK Name, manufacturer, decision, admissions and baselines. Equal on all replicas that see
// the same objects. `identity` may be null.
std::string InputsHash(const NodePolicies& policies, const TpmIdentity* identity);

}  // namespace plimsoll::controller::policies
