#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/policies/policy_objects.h"
#include "kube/resource.h"

namespace plimsoll::controller::policies {

// Only ControllerRevisions with this label are looked at; its value is the policy's uid.
inline constexpr const char* kPolicyUidLabel = "plimsoll.dev/policy-uid";

// A generation of an AttestationPolicy that was good, kept as a ControllerRevision in the
// controller's namespace: by it nodes outside of the share of a rollout are judged. Owned by the
// policy, so that it goes with it. Whoever may write in that namespace is trusted as the controller
// is.
struct PolicyRevision {
  kube::ObjectMeta meta;
  PolicyObject good;  // as it was then, with the name and uid of its policy

  static Result<PolicyRevision> Parse(std::string_view json);

  // The revision of that policy object, as the API server gives it.
  static Result<std::string> EncodeForCreate(std::string_view policy_json,
                                             const std::string& namespace_name);

  // "policy-UID-GENERATION"
  static std::string NameFor(const std::string& policy_uid, int64_t generation);
};

}  // namespace plimsoll::controller::policies
