#include "controller/identity/identity_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "appraisal/reason.h"
#include "controller/identity/admission.h"
#include "controller/record/transition.h"

namespace plimsoll::controller::identity {
namespace {

struct LossWords {
  const char* event;
  std::string message;
};

LossWords WordsFor(ActivationLoss loss) {
  switch (loss) {
    case ActivationLoss::kCountersReset:
      return {"TPMReset",
              "the TPM's counters ran backwards, as after TPM2_Clear; it must enrol again"};
    case ActivationLoss::kSharedTpm:
      return {"SharedTPM",
              "two machines answer with the state of one TPM; it must be approved again"};
  }
  return {"TPMReset", "the TPM must enrol again"};
}

bool SomePolicyRejectsResets(const policies::NodePolicies& policies) {
  return std::any_of(policies.policies.begin(), policies.policies.end(), [](const auto& compiled) {
    return compiled->mode() != policy::Mode::kAudit &&
           compiled->spec().tpm.reject_unexplained_reset;
  });
}

}  // namespace

Result<NodeAttestationStatus> IdentityChanges::ClearActivation(const TpmIdentity& identity,
                                                               const std::string& node_uid,
                                                               ActivationLoss loss) {
  const LossWords words = WordsFor(loss);
  const auto node = d_.nodes.Get(identity.node_name);
  const policies::NodePolicies policies = node ? d_.picture.For(*node) : policies::NodePolicies{};
  const WallTime now = d_.clock.Wall();
  const std::string key =
      identity.status.attestation_key ? identity.status.attestation_key->name : std::string();
  PLIMSOLL_ASSIGN_OR_RETURN(
      const TpmIdentity cleared,
      store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
        if (!current.status.attestation_key || current.status.attestation_key->name != key) {
          return false;
        }
        current.status.attestation_key.reset();
        current.status.epoch.reset();
        Set(current.status.conditions,
            {.type = kKeyActivated,
             .status = ConditionStatus::kFalse,
             .reason = words.event,
             .message = words.message},
            now);
        if (loss == ActivationLoss::kSharedTpm) {
          AskForApproval(current, "SharedTPM", words.message, now);
        } else if (SomePolicyRejectsResets(policies)) {
          AskForApproval(current, "UnexplainedReset", words.message, now);
        }
        return true;
      }));
  d_.events.Record(identity.node_name, kube::EventType::kWarning, words.event, "ClearActivation",
                   fmt::format("TPM {}: {}", identity.meta.name, words.message));
  return d_.recorder.Apply(
      identity.node_name, node_uid, policies.expire, [&](const NodeAttestationStatus& current) {
        return std::optional<NodeAttestationStatus>(
            record::AfterStateChange(current, appraisal::Reason::kNotEnrolled, words.message,
                                     {.node_uid = node_uid,
                                      .policies = policies,
                                      .inputs = policies::InputsHash(policies, &cleared),
                                      .now = now}));
      });
}

Result<TpmIdentity> IdentityChanges::ReportUnexplainedReset(const TpmIdentity& identity,
                                                            bool rejected) {
  const std::string message = "the TPM was reset although the node did not boot anew";
  TpmIdentity reported = identity;
  if (rejected) {
    PLIMSOLL_ASSIGN_OR_RETURN(
        reported, store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
          if (ApprovalAskedAgain(current)) {
            return false;
          }
          AskForApproval(current, "UnexplainedReset", message, d_.clock.Wall());
          return true;
        }));
  }
  d_.events.Record(identity.node_name, kube::EventType::kWarning, "UnexplainedReset", "Appraise",
                   fmt::format("TPM {}: {}", identity.meta.name, message));
  return reported;
}

Result<bool> IdentityChanges::HasNodeForItself(const TpmIdentity& identity,
                                               const std::string& node_uid) const {
  // The claim is read before the identities: whoever took it has written what makes it count.
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string body,
                            d_.client.Get({kube::kNodeAttestation, identity.node_name}));
  PLIMSOLL_ASSIGN_OR_RETURN(const NodeAttestation attestation, NodeAttestation::Parse(body));
  if (attestation.owner_uid != node_uid || attestation.status.tpm_identity != identity.meta.name) {
    return false;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::vector<TpmIdentity> all, store_.OnNode(identity.node_name));
  return std::all_of(all.begin(), all.end(),
                     [&](const TpmIdentity& i) { return i.meta.name == identity.meta.name; });
}

Result<TpmIdentity> IdentityChanges::TakeBack(const TpmIdentity& identity,
                                              const std::vector<FirstRecord>& records) {
  return store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
    const TpmIdentityStatus before = current.status;
    for (const FirstRecord& record : records) {
      if (record.admit) {
        std::erase(current.status.admissions,
                   Admission{.by = Admission::By::kFirstUse, .ref = record.policy_uid});
        std::erase_if(current.status.baselines,
                      [&](const Baseline& b) { return b.policy_uid == record.policy_uid; });
      }
    }
    return !(current.status == before);
  });
}

Result<TpmIdentity> IdentityChanges::RecordFirst(const TpmIdentity& identity,
                                                 const std::string& node_uid,
                                                 const std::vector<FirstRecord>& wanted) {
  std::vector<FirstRecord> records = wanted;
  const auto admits = [](const FirstRecord& record) { return record.admit; };
  if (std::any_of(records.begin(), records.end(), admits)) {
    PLIMSOLL_ASSIGN_OR_RETURN(const bool alone, HasNodeForItself(identity, node_uid));
    if (!alone) {
      d_.logger.Info("no first use: the node has shown another TPM",
                     {{"node", identity.node_name}, {"identity", identity.meta.name}});
      std::erase_if(records, admits);
    }
  }
  if (records.empty()) {
    return identity;
  }
  std::vector<FirstRecord> written;
  PLIMSOLL_ASSIGN_OR_RETURN(
      TpmIdentity updated,
      store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
        written.clear();
        if (!IsJudgedAs(current, identity)) {
          return false;
        }
        for (const FirstRecord& record : records) {
          if (Enter(record, current, d_.clock.Wall())) {
            written.push_back(record);
          }
        }
        return !written.empty();
      }));
  if (std::none_of(written.begin(), written.end(), admits)) {
    return updated;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const bool still_alone, HasNodeForItself(identity, node_uid));
  if (!still_alone) {
    return TakeBack(identity, written);
  }
  for (const FirstRecord& record : written) {
    if (record.admit) {
      d_.logger.Info("TPM admitted by first use", {{"node", identity.node_name},
                                                   {"identity", identity.meta.name},
                                                   {"policy", record.policy_name}});
      d_.events.Record(identity.node_name, kube::EventType::kNormal, "FirstUseAdmitted", "Admit",
                       fmt::format("TPM {} is admitted by the first use under policy {}; nobody "
                                   "has looked at it yet",
                                   identity.meta.name, record.policy_name));
    }
  }
  return updated;
}

Status IdentityChanges::RecordEpoch(const TpmIdentity& identity, const BootEpoch& epoch) {
  const auto written =
      store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
        const std::optional<BootEpoch>& known = current.status.epoch;
        if (known && known->reset_count == epoch.reset_count &&
            known->restart_count == epoch.restart_count && known->boot_id == epoch.boot_id) {
          return false;
        }
        current.status.epoch = epoch;
        const Condition* conflict_free = Find(current.status.conditions, kConflictFree);
        if (conflict_free != nullptr && conflict_free->status == ConditionStatus::kTrue) {
          Condition fresh = *conflict_free;
          fresh.reason = "NoConflict";
          fresh.message = "no other node or key claims this TPM";
          Set(current.status.conditions, std::move(fresh), d_.clock.Wall());
        }
        return true;
      });
  return written ? Status() : tl::unexpected(written.error());
}

Status IdentityChanges::RecordFailure(const TpmIdentity& identity,
                                      const std::optional<UnacknowledgedFailure>& failure) {
  const auto written =
      store_.Update(identity.meta.name, identity.meta.uid, [&](TpmIdentity& current) {
        if (current.status.unacknowledged_failure.has_value() == failure.has_value()) {
          return false;
        }
        current.status.unacknowledged_failure = failure;
        return true;
      });
  return written ? Status() : tl::unexpected(written.error());
}

}  // namespace plimsoll::controller::identity
