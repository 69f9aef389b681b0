#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/attestation_exception.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"

// Which policies ask for the taint on a node, and how strong it is. Pure.
namespace plimsoll::controller::enforce {

// The AttestationExceptions that cover a node now.
using Waivers = std::vector<std::shared_ptr<const api::AttestationException>>;

struct TaintDemand {
  // The strictest of all policies that decide about the node and are not waived, also of those that
  // the node meets (api.md 3.1).
  policy::TaintEffect effect = policy::TaintEffect::kNone;

  std::vector<std::string> policies;  // uids of those that ask: in each the node needs a place
  std::string waived_by;  // name of an exception, where every policy that asks is waived; then
                          // `effect` is what it would be without
};

// For an Untrusted node the policies that it fails ask, or, where its evidence was rejected before
// any policy was looked at, all that decide about it; for an Unknown node all that decide.
TaintDemand DemandOn(const policies::NodePolicies& policies, const NodeAttestationStatus& status,
                     bool untrusted, const Waivers& waivers);

// unknownGraceSeconds: the shortest of all policies that decide and taint.
std::chrono::seconds UnknownGrace(const policies::NodePolicies& policies);

}  // namespace plimsoll::controller::enforce
