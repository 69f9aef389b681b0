#include "controller/identity/admission_reconciler.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "controller/identity/shared_tpm.h"
#include "controller/identity/weak_firmware.h"

namespace plimsoll::controller::identity {
namespace {

constexpr std::chrono::hours kForgetUndecidedAfter{24};
constexpr std::chrono::hours kExpirySoon{24 * 30};
constexpr std::chrono::hours kExpiryToldEvery{24};

void Erase(Conditions& conditions, std::string_view type) {
  std::erase_if(conditions, [&](const Condition& condition) { return condition.type == type; });
}

// The UIDs of policies that admit by first use.
std::set<std::string, std::less<>> FirstUsePolicies(const CompiledPolicies& policies) {
  std::set<std::string, std::less<>> uids;
  for (const auto& compiled : policies) {
    if (compiled->spec().identity.admission == policy::Admission::kFirstUse) {
      uids.insert(compiled->meta().uid);
    }
  }
  return uids;
}

// Since when the node of the identity is gone.
void SetNodeGone(TpmIdentity& identity, bool exists, WallTime now) {
  if (exists) {
    Erase(identity.status.conditions, kNodeGone);
    return;
  }
  Set(identity.status.conditions,
      {.type = kNodeGone,
       .status = ConditionStatus::kTrue,
       .reason = "NoSuchNode",
       .message = fmt::format("there is no Node {}", identity.node_name)},
      now);
}

void RememberRevocation(TpmIdentity& identity, WallTime now) {
  if (identity.decision == Decision::kRevoked) {
    Set(identity.status.conditions,
        {.type = kRevokedCondition,
         .status = ConditionStatus::kTrue,
         .reason = "Revoked",
         .message = "a person has revoked the TPM, for good"},
        now);
  }
}

}  // namespace

AdmissionReconciler::AdmissionReconciler(const Dependencies& dependencies,
                                         const Lookup<TpmIdentity>& identities,
                                         const Lookup<NodeAttestation>& attestations,
                                         std::function<bool()> may_write,
                                         std::chrono::seconds release_after)
    : d_(dependencies),
      store_(dependencies.client),
      identities_(identities),
      attestations_(attestations),
      may_write_(std::move(may_write)),
      release_after_(release_after) {}

Status AdmissionReconciler::Reconcile(const TpmIdentity& identity) {
  policies_ = d_.picture.All();
  live_policies_.reset();
  return ReconcileAmong(identity, identities_.List());
}

Status AdmissionReconciler::ReconcileAll() {
  policies_ = d_.picture.All();
  live_policies_.reset();
  const Identities all = identities_.List();
  std::erase_if(told_of_expiry_,
                [&](const auto& told) { return identities_.Get(told.first) == nullptr; });
  Status first;
  const auto keep_first = [&first](Status status) {
    if (!status && first) {
      first = std::move(status);
    }
  };
  for (const auto& identity : all) {
    keep_first(ReconcileAmong(*identity, all));
  }
  keep_first(MarkShared(all));
  return first;
}

Result<AdmissionReconciler::Situation> AdmissionReconciler::LookAt(const TpmIdentity& identity,
                                                                   const Identities& all) {
  Situation situation;
  PLIMSOLL_ASSIGN_OR_RETURN(situation.judgement, d_.judge.JudgeStored(identity));
  const auto attestation = attestations_.Get(identity.node_name);
  const bool holds = attestation && attestation->status.tpm_identity == identity.meta.name;
  situation.node_is_free =
      NodeIsFree(identity, all, attestation ? attestation->status.tpm_identity : std::string());
  situation.node_exists = d_.nodes.Get(identity.node_name) != nullptr;
  if (holds && attestation->status.clock) {
    situation.quoted_firmware = attestation->status.clock->firmware_version;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(situation.gone_policies, GonePolicies(identity));
  situation.now = d_.clock.Wall();
  return situation;
}

// The present truth about `identity`, in its status.
AdmissionReconciler::News AdmissionReconciler::BringUpToDate(TpmIdentity& identity,
                                                             const Situation& situation) const {
  News news;
  TpmIdentityStatus& status = identity.status;
  if (status.attestation_key || !status.endorsement.certificate.empty()) {
    SetEndorsementVerified(identity, situation.judgement, situation.now);
  }
  Grounds grounds{.authorities = {}, .first_uses = std::set<std::string, std::less<>>()};
  if (situation.node_is_free) {
    grounds.authorities = situation.judgement.authorities;
    grounds.first_uses = FirstUsePolicies(policies_);
    // A policy that the informer does not show, but the API server does, is too new for it.
    for (const Admission& admission : status.admissions) {
      if (admission.by == Admission::By::kFirstUse && live_policies_ &&
          live_policies_->contains(admission.ref) && !Knows(admission.ref)) {
        grounds.first_uses->insert(admission.ref);
      }
    }
  }
  news.approved = ReconcileAdmissions(identity, grounds, situation.now);
  if (news.approved) {
    RenewBaselines(identity, policies_);
  }
  std::erase_if(status.baselines, [&](const Baseline& baseline) {
    return situation.gone_policies.contains(baseline.policy_uid);
  });
  SetNodeGone(identity, situation.node_exists, situation.now);
  RememberRevocation(identity, situation.now);
  news.firmware_weak = SetFirmwareWeak(identity, situation.quoted_firmware, situation.now);
  return news;
}

Status AdmissionReconciler::ReconcileAmong(const TpmIdentity& identity, const Identities& all) {
  PLIMSOLL_ASSIGN_OR_RETURN(const Situation situation, LookAt(identity, all));
  AnnounceExpiry(identity, situation);
  TpmIdentity wanted = identity;
  BringUpToDate(wanted, situation);
  const bool forgotten = IsForgotten(wanted, situation.now);
  if (forgotten || IsReleased(wanted, situation.now)) {
    PLIMSOLL_RETURN_IF_ERROR(CheckFence());
    d_.logger.Info(forgotten ? "undecided identity is forgotten"
                             : "identity is released: its node is gone, and nobody approved it",
                   {{"node", identity.node_name}, {"identity", identity.meta.name}});
    return store_.Delete(identity);
  }
  if (wanted.status == identity.status) {
    return {};
  }
  PLIMSOLL_RETURN_IF_ERROR(CheckFence());
  News news;
  const auto written =
      store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
        // Another certificate than the one that was judged: its change comes to us by itself.
        if (current.status.endorsement.certificate != identity.status.endorsement.certificate ||
            !may_write_()) {
          return false;
        }
        const TpmIdentityStatus before = current.status;
        news = BringUpToDate(current, situation);
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
  Announce(*written, news);
  return {};
}

void AdmissionReconciler::Announce(const TpmIdentity& identity, const News& news) {
  if (news.approved) {
    d_.events.Record(identity.node_name, kube::EventType::kNormal, "IdentityApproved", "Admit",
                     fmt::format("TPM {} is approved", identity.meta.name));
  }
  const Condition* weak = Find(identity.status.conditions, kFirmwareWeak);
  if (news.firmware_weak && weak != nullptr) {
    d_.events.Record(identity.node_name, kube::EventType::kWarning, "FirmwareWeak", "Inspect",
                     fmt::format("TPM {}: {}", identity.meta.name, weak->message));
  }
}

// Once a day, as long as this replica leads: a new leader may say it once more.
void AdmissionReconciler::AnnounceExpiry(const TpmIdentity& identity, const Situation& situation) {
  const auto& ends = identity.status.endorsement.not_after;
  if (!ends || !situation.node_exists || situation.now > *ends ||
      *ends - kExpirySoon > situation.now) {
    return;
  }
  WallTime& told = told_of_expiry_[identity.meta.name];
  if (told != WallTime{} && situation.now - told < kExpiryToldEvery) {
    return;
  }
  told = situation.now;
  d_.events.Record(identity.node_name, kube::EventType::kWarning, "EndorsementExpiring", "Inspect",
                   fmt::format("the EK certificate of TPM {} runs out at {}", identity.meta.name,
                               FormatTime(*ends)));
}

Status AdmissionReconciler::MarkShared(const Identities& all) {
  Status first;
  for (const SharedTpm& shared : FindSharedTpms(all, d_.nodes, attestations_)) {
    PLIMSOLL_RETURN_IF_ERROR(CheckFence());
    const auto seen = identities_.Get(shared.identity);
    if (!seen) {
      continue;
    }
    const std::string message = fmt::format(
        "the TPM has the counters and the clock of TPM {}: two machines seem to share one TPM",
        shared.partner);
    bool marked = false;
    const auto written = store_.Update(seen->meta.name, seen->meta.uid, [&](TpmIdentity& current) {
      // Another boot, or another word of a person: it is looked at again with that.
      marked = current.status.epoch == seen->status.epoch &&
               current.meta.generation == seen->meta.generation &&
               current.status.conditions == seen->status.conditions && may_write_();
      if (marked) {
        AskForApproval(current, kSharedTpmReason, message, d_.clock.Wall());
      }
      return marked;
    });
    if (!written) {
      if (first && written.error().code != ErrorCode::kNotFound) {
        first = tl::unexpected(written.error());
      }
    } else if (marked) {
      d_.logger.Warning(
          "two machines seem to share one TPM",
          {{"node", seen->node_name}, {"identity", shared.identity}, {"partner", shared.partner}});
      d_.events.Record(seen->node_name, kube::EventType::kWarning, "SharedTPM", "Inspect",
                       fmt::format("TPM {}: {}", shared.identity, message));
    }
  }
  return first;
}

bool AdmissionReconciler::IsForgotten(const TpmIdentity& identity, WallTime now) const {
  return identity.source == "Discovered" && identity.decision == Decision::kPending &&
         identity.status.admissions.empty() && !InConflict(identity) &&
         now - identity.meta.creation_timestamp > kForgetUndecidedAfter;
}

bool AdmissionReconciler::IsReleased(const TpmIdentity& identity, WallTime now) const {
  const Condition* gone = Find(identity.status.conditions, kNodeGone);
  return identity.source == "Discovered" && identity.decision == Decision::kPending &&
         !identity.status.admissions.empty() && !InConflict(identity) && gone != nullptr &&
         now - gone->last_transition_time >= release_after_;
}

bool AdmissionReconciler::Knows(std::string_view policy_uid) const {
  return std::any_of(policies_.begin(), policies_.end(),
                     [&](const auto& compiled) { return compiled->meta().uid == policy_uid; });
}

// The policies that the identity names and that are gone for good. The informer may be behind what
// another replica has recorded, so it is the API server that is asked.
Result<std::set<std::string, std::less<>>> AdmissionReconciler::GonePolicies(
    const TpmIdentity& identity) {
  std::set<std::string, std::less<>> gone;
  for (const Baseline& baseline : identity.status.baselines) {
    gone.insert(baseline.policy_uid);
  }
  for (const Admission& admission : identity.status.admissions) {
    if (admission.by == Admission::By::kFirstUse) {
      gone.insert(admission.ref);
    }
  }
  std::erase_if(gone, [this](const std::string& uid) { return Knows(uid); });
  if (gone.empty()) {
    return gone;
  }
  if (!live_policies_) {
    PLIMSOLL_ASSIGN_OR_RETURN(live_policies_, store_.PolicyUids());
  }
  std::erase_if(gone, [this](const std::string& uid) { return live_policies_->contains(uid); });
  return gone;
}

Status AdmissionReconciler::CheckFence() const {
  if (!may_write_()) {
    return Fail(ErrorCode::kTimeout, "no longer the leader", Retry::kNever);
  }
  return {};
}

}  // namespace plimsoll::controller::identity
