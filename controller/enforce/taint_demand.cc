#include "controller/enforce/taint_demand.h"

#include <algorithm>
#include <optional>

namespace plimsoll::controller::enforce {
namespace {

using Compiled = policy::CompiledPolicy;

std::vector<const Compiled*> Deciding(const policies::NodePolicies& policies) {
  std::vector<const Compiled*> deciding;
  for (const auto& compiled : policies.policies) {
    if (compiled->mode() != policy::Mode::kAudit) {
      deciding.push_back(compiled.get());
    }
  }
  return deciding;
}

bool Fails(const NodeAttestationStatus& status, const Compiled& policy) {
  return std::any_of(status.policies.begin(), status.policies.end(),
                     [&](const PolicyResult& result) {
                       return result.uid == policy.meta().uid && result.result == "Fail";
                     });
}

// The exception that waives the policy; null where none does.
const api::AttestationException* WaiverOf(const Compiled& policy, const Waivers& waivers) {
  const auto found = std::find_if(waivers.begin(), waivers.end(), [&](const auto& waiver) {
    return waiver->Waives(policy.meta().name);
  });
  return found == waivers.end() ? nullptr : found->get();
}

}  // namespace

TaintDemand DemandOn(const policies::NodePolicies& policies, const NodeAttestationStatus& status,
                     bool untrusted, const Waivers& waivers) {
  const std::vector<const Compiled*> deciding = Deciding(policies);
  std::vector<const Compiled*> asking;
  if (untrusted) {
    std::copy_if(deciding.begin(), deciding.end(), std::back_inserter(asking),
                 [&](const Compiled* policy) { return Fails(status, *policy); });
  }
  if (asking.empty()) {
    asking = deciding;
  }
  TaintDemand demand;
  demand.effect = policies.taint_effect;
  for (const Compiled* policy : asking) {
    const auto* waiver = WaiverOf(*policy, waivers);
    if (waiver == nullptr) {
      demand.policies.push_back(policy->meta().uid);
    } else if (demand.waived_by.empty()) {
      demand.waived_by = waiver->meta.name;
    }
  }
  if (demand.policies.empty()) {
    return demand;
  }
  demand.waived_by.clear();
  demand.effect = policy::TaintEffect::kNone;
  for (const Compiled* policy : deciding) {
    if (WaiverOf(*policy, waivers) == nullptr) {
      demand.effect = std::max(demand.effect, policy->spec().taint_effect);
    }
  }
  return demand;
}

std::chrono::seconds UnknownGrace(const policies::NodePolicies& policies) {
  std::optional<std::chrono::seconds> shortest;
  for (const Compiled* policy : Deciding(policies)) {
    if (policy->spec().taint_effect != policy::TaintEffect::kNone) {
      const std::chrono::seconds grace = policy->spec().enforcement.unknown_grace;
      shortest = shortest ? std::min(*shortest, grace) : grace;
    }
  }
  return shortest.value_or(std::chrono::seconds(0));
}

}  // namespace plimsoll::controller::enforce
