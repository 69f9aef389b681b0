#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/objects.h"
#include "kube/resource.h"
#include "policy/attestation_policy.h"
#include "policy/endorsement_authority.h"
#include "policy/reference_values.h"

// AttestationPolicy, EndorsementAuthority and ReferenceValues as informers hold them: the parsed
// object beside the metadata and status that the controller needs.
namespace plimsoll::controller::policies {

struct PolicyObject {
  kube::ObjectMeta meta;
  policy::AttestationPolicy policy;
  Conditions conditions;        // status.conditions as last written; empty when they cannot be read
  std::string status_text;      // status without conditions, canonical: whether a write is needed
  std::string content;          // fingerprint of the spec without `rollout`
  int64_t kept_generation = 0;  // not 0: the spec is of this earlier generation (rollout.h)

  // Fails only when the object has no readable metadata. A policy that can be named is never lost:
  // what cannot be understood selects every node, enforces and is not ready (policy.problem).
  static Result<PolicyObject> Parse(std::string_view json);
};

struct AuthorityObject {
  kube::ObjectMeta meta;
  std::shared_ptr<const policy::EndorsementAuthority> authority;  // never null
  std::string text;  // the object itself where it refers to texts elsewhere, else empty: it is read
                     // again with those (references.h)
  Conditions conditions;
  std::string status_text;

  // Fails as PolicyObject::Parse; what cannot be understood admits nobody (authority->problem).
  static Result<AuthorityObject> Parse(std::string_view json);
};

struct ReferenceObject {
  kube::ObjectMeta meta;
  std::shared_ptr<const policy::ReferenceValues> set;  // never null
  Conditions conditions;
  std::string status_text;

  // Fails as PolicyObject::Parse; a set that cannot be understood accepts nothing (set->problem).
  static Result<ReferenceObject> Parse(std::string_view json);
};

}  // namespace plimsoll::controller::policies
