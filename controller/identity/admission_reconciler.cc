#include "controller/identity/admission_reconciler.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "controller/identity/admission.h"

namespace plimsoll::controller::identity {
namespace {

constexpr std::chrono::hours kForgetUndecidedAfter{24};

// The present truth about `identity`, in its status. Returns whether a person's approval is new.
bool BringUpToDate(TpmIdentity& identity, const EndorsementJudgement& judgement, bool node_is_free,
                   WallTime now) {
  if (identity.status.attestation_key || !identity.status.endorsement.certificate.empty()) {
    SetEndorsementVerified(identity, judgement, now);
  }
  return ReconcileAdmissions(
      identity, node_is_free ? judgement.authorities : std::vector<std::string>(), now);
}

}  // namespace

AdmissionReconciler::AdmissionReconciler(const Dependencies& dependencies,
                                         const Lookup<TpmIdentity>& identities,
                                         const Lookup<NodeAttestation>& attestations,
                                         std::function<bool()> may_write)
    : d_(dependencies),
      store_(dependencies.client),
      identities_(identities),
      attestations_(attestations),
      may_write_(std::move(may_write)) {}

Status AdmissionReconciler::Reconcile(const TpmIdentity& identity) {
  return ReconcileAmong(identity, identities_.List());
}

Status AdmissionReconciler::ReconcileAll() {
  const Identities all = identities_.List();
  Status first;
  for (const auto& identity : all) {
    Status status = ReconcileAmong(*identity, all);
    if (!status && first) {
      first = std::move(status);
    }
  }
  return first;
}

Status AdmissionReconciler::ReconcileAmong(const TpmIdentity& identity, const Identities& all) {
  PLIMSOLL_ASSIGN_OR_RETURN(const EndorsementJudgement judgement, d_.judge.JudgeStored(identity));
  const auto attestation = attestations_.Get(identity.node_name);
  const bool free =
      NodeIsFree(identity, all, attestation ? attestation->status.tpm_identity : std::string());
  const WallTime now = d_.clock.Wall();

  TpmIdentity wanted = identity;
  BringUpToDate(wanted, judgement, free, now);
  if (wanted.status.admissions.empty() && IsForgotten(wanted)) {
    PLIMSOLL_RETURN_IF_ERROR(CheckFence());
    d_.logger.Info("undecided identity is forgotten",
                   {{"node", identity.node_name}, {"identity", identity.meta.name}});
    return store_.Delete(identity);
  }
  if (wanted.status == identity.status) {
    return {};
  }
  PLIMSOLL_RETURN_IF_ERROR(CheckFence());
  bool approved = false;
  const auto written =
      store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
        // Another certificate than the one that was judged: its change comes to us by itself.
        if (current.status.endorsement.certificate != identity.status.endorsement.certificate ||
            !may_write_()) {
          return false;
        }
        const TpmIdentityStatus before = current.status;
        approved = BringUpToDate(current, judgement, free, now);
        return !(current.status == before);
      });
  if (!written) {
    return written.error().code == ErrorCode::kNotFound ? Status()
                                                        : tl::unexpected(written.error());
  }
  d_.logger.Info("identity reconciled", {{"node", identity.node_name},
                                         {"identity", identity.meta.name},
                                         {"decision", ToString(written->decision)},
                                         {"admissions", written->status.admissions.size()}});
  if (approved) {
    d_.events.Record(identity.node_name, kube::EventType::kNormal, "IdentityApproved", "Admit",
                     fmt::format("TPM {} is approved", identity.meta.name));
  }
  return {};
}

bool AdmissionReconciler::IsForgotten(const TpmIdentity& identity) const {
  return identity.source == "Discovered" && identity.decision == Decision::kPending &&
         d_.clock.Wall() - identity.meta.creation_timestamp > kForgetUndecidedAfter;
}

Status AdmissionReconciler::CheckFence() const {
  if (!may_write_()) {
    return Fail(ErrorCode::kTimeout, "no longer the leader", Retry::kNever);
  }
  return {};
}

}  // namespace plimsoll::controller::identity
