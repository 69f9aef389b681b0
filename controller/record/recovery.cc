#include "controller/record/recovery.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace plimsoll::controller::record {
namespace {

constexpr int64_t kBootNotKnown = -1;

bool IsOfThisBoot(const Failure& failure, const NodeAttestationStatus& status) {
  return failure.reset_count == kBootNotKnown || !status.clock ||
         (failure.reset_count == status.clock->reset_count &&
          failure.restart_count == status.clock->restart_count);
}

}  // namespace

bool DemandsAcknowledgement(const policies::NodePolicies& policies) {
  return std::any_of(policies.policies.begin(), policies.policies.end(), [](const auto& compiled) {
    return compiled->mode() != policy::Mode::kAudit &&
           compiled->spec().enforcement.recovery == policy::Recovery::kAcknowledged;
  });
}

bool FailureStands(const NodeAttestationStatus& status, const Surroundings& s) {
  if (!status.failure || !DemandsAcknowledgement(s.policies)) {
    return false;
  }
  if (status.failure->inputs.empty()) {
    return true;  // of an earlier Node: nothing tells what it was judged with
  }
  return status.failure->inputs == s.inputs && IsOfThisBoot(*status.failure, status);
}

void KeepFailure(NodeAttestationStatus& status, std::string_view reason, bool of_facts,
                 const Surroundings& s) {
  if (!DemandsAcknowledgement(s.policies) || FailureStands(status, s)) {
    return;
  }
  const bool placed = of_facts && status.clock;
  status.failure = Failure{.time = std::chrono::floor<std::chrono::seconds>(s.now),
                           .reason = std::string(reason),
                           .inputs = s.inputs,
                           .reset_count = placed ? status.clock->reset_count : kBootNotKnown,
                           .restart_count = placed ? status.clock->restart_count : kBootNotKnown};
}

void TakeOverFailure(NodeAttestationStatus& status, const Surroundings& s) {
  if (status.failure || status.last_trusted_time || !s.earlier_failure ||
      !DemandsAcknowledgement(s.policies)) {
    return;
  }
  status.failure = Failure{.time = s.earlier_failure->time,
                           .reason = s.earlier_failure->reason,
                           .inputs = {},
                           .reset_count = kBootNotKnown,
                           .restart_count = kBootNotKnown};
}

void PlaceFailureInThisBoot(NodeAttestationStatus& status) {
  if (status.failure && status.failure->reset_count == kBootNotKnown && status.clock) {
    status.failure->reset_count = status.clock->reset_count;
    status.failure->restart_count = status.clock->restart_count;
  }
}

}  // namespace plimsoll::controller::record
