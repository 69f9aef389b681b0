#include "controller/enforce/failure_memory.h"

#include "appraisal/reason.h"
#include "controller/enforce/verdict_update.h"
#include "controller/record/recovery.h"

namespace plimsoll::controller::enforce {
namespace {

// What the identity should remember. `known` is what it remembers.
std::optional<UnacknowledgedFailure> Wanted(const NodeAttestationStatus& status,
                                            const policies::NodePolicies& policies,
                                            const std::optional<UnacknowledgedFailure>& known,
                                            const std::optional<WallTime>& acknowledged_at,
                                            WallTime now) {
  if (status.failure && record::DemandsAcknowledgement(policies)) {
    return UnacknowledgedFailure{.time = status.failure->time, .reason = status.failure->reason};
  }
  const bool recovered =
      status.summary == appraisal::ToString(appraisal::Verdict::kTrusted) && !status.failure;
  if (recovered || (known && Acknowledges(acknowledged_at, known->time, now))) {
    return std::nullopt;
  }
  return known;
}

}  // namespace

Status FailureMemory::Update(const Node& node, const NodeAttestationStatus& status,
                             const policies::NodePolicies& policies,
                             const std::optional<WallTime>& acknowledged_at) {
  if (status.node_uid != node.meta.uid || status.tpm_identity.empty()) {
    return {};
  }
  const auto cached = identities_.Get(status.tpm_identity);
  if (!cached || cached->status.node_uid != node.meta.uid) {
    return {};
  }
  const auto wanted = [&](const TpmIdentity& identity) {
    return Wanted(status, policies, identity.status.unacknowledged_failure, acknowledged_at,
                  clock_.Wall());
  };
  if (wanted(*cached) == cached->status.unacknowledged_failure) {
    return {};
  }
  if (!may_write_()) {
    return Fail(ErrorCode::kTimeout, "not the leader any more");
  }
  const kube::ResourceRef ref{kube::kTpmIdentity, status.tpm_identity};
  const auto json = client_.Get(ref);
  if (!json) {
    return Wrap("read TPMIdentity", json.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity live, TpmIdentity::Parse(*json));
  const auto next = wanted(live);
  if (live.status.node_uid != node.meta.uid || next == live.status.unacknowledged_failure) {
    return {};
  }
  live.status.unacknowledged_failure = next;
  const auto written = client_.UpdateStatus(ref, live.EncodeForStatusUpdate());
  return written ? Status() : Status(Wrap("remember the failure", written.error()));
}

}  // namespace plimsoll::controller::enforce
