#include "controller/identity/first_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "controller/identity/admission.h"
#include "tcg/algorithm.h"

namespace plimsoll::controller::identity {
namespace {

constexpr uint32_t kFirstPcrAfterFirmware = 8;

// What nodes of the policy must have in common.
std::vector<evidence::PcrValue> Compared(const policy::CompiledPolicy& policy,
                                         const std::vector<evidence::PcrValue>& quoted) {
  const std::vector<policy::PcrRule>& rules = policy.spec().pcrs;
  std::vector<evidence::PcrValue> compared;
  for (const evidence::PcrValue& value : quoted) {
    const bool read =
        rules.empty() ? value.index < kFirstPcrAfterFirmware
                      : std::any_of(rules.begin(), rules.end(), [&](const policy::PcrRule& rule) {
                          return rule.bank == value.bank && rule.index == value.index;
                        });
    if (read) {
      compared.push_back(value);
    }
  }
  return compared;
}

bool Shows(const NodeAttestationStatus& status, const evidence::PcrValue& value) {
  return std::any_of(status.pcrs.begin(), status.pcrs.end(), [&](const PcrValue& pcr) {
    return pcr.index == value.index && pcr.bank == tcg::BankName(value.bank) &&
           pcr.digest == ToHex(value.digest);
  });
}

// Whether the node has shown these values at this time, by a TPM that is its own.
bool Agrees(const NodeAttestation& attestation, const policy::CompiledPolicy& policy,
            const std::vector<evidence::PcrValue>& values, const NodeSources& sources,
            WallTime now) {
  const NodeAttestationStatus& status = attestation.status;
  const auto node = sources.nodes.Get(attestation.meta.name);
  const auto identity = sources.identities.Get(status.tpm_identity);
  const Condition* fresh = Find(status.conditions, "EvidenceFresh");
  if (!node || !identity || node->meta.uid != status.node_uid || fresh == nullptr ||
      fresh->status != ConditionStatus::kTrue || !status.expiration_time ||
      now >= *status.expiration_time) {
    return false;
  }
  if (identity->node_name != attestation.meta.name ||
      identity->status.node_uid != status.node_uid || !identity->MayAttest() ||
      InConflict(*identity)) {
    return false;
  }
  const policy::Labels labels(node->meta.labels.begin(), node->meta.labels.end());
  return policy.Selects(labels) &&
         std::all_of(values.begin(), values.end(),
                     [&](const evidence::PcrValue& value) { return Shows(status, value); });
}

bool HasQuorum(int64_t quorum, const policy::CompiledPolicy& policy,
               const std::vector<evidence::PcrValue>& values, const std::string& own_node,
               const NodeSources& sources, WallTime now) {
  int64_t agreeing = 1;
  if (agreeing >= quorum) {
    return true;
  }
  if (values.empty()) {
    return false;
  }
  for (const auto& attestation : sources.attestations.List()) {
    if (attestation->meta.name != own_node && Agrees(*attestation, policy, values, sources, now) &&
        ++agreeing >= quorum) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> FirstUseObstacle(const policy::CompiledPolicy& policy,
                                            const appraisal::PolicyResult& result,
                                            const std::vector<evidence::PcrValue>& quoted,
                                            const TpmIdentity& identity, const NodeSources& sources,
                                            WallTime now) {
  const policy::FirstUseRule& rule = policy.spec().identity.first_use;
  if (!result.outstanding.first_use) {
    return "the policy admits nobody by first use, or this identity in another way";
  }
  if (identity.decision != Decision::kPending ||
      (identity.source != "Discovered" && identity.source != "Manual")) {
    return "only a TPM that was discovered or announced, and that is Pending, has a first use";
  }
  if (InConflict(identity)) {
    return "the identity is in conflict: a person has to approve it";
  }
  if (rule.not_after && now > *rule.not_after) {
    return fmt::format("first use has ended at {}", FormatTime(*rule.not_after));
  }
  if (!result.outstanding.nothing_else) {
    return "the node does not pass the policy otherwise";
  }
  if (!result.outstanding.floor_problem.empty()) {
    return "the floor of the first use does not hold: " + result.outstanding.floor_problem;
  }
  if (!HasQuorum(rule.quorum, policy, Compared(policy, quoted), identity.node_name, sources, now)) {
    return fmt::format("fewer than {} nodes of the policy show the values of this one",
                       rule.quorum);
  }
  return std::nullopt;
}

std::vector<FirstRecord> FirstRecordsOf(const TpmIdentity& identity,
                                        const appraisal::Appraisal& appraisal,
                                        const policies::NodePolicies& policies,
                                        const NodeSources& sources, WallTime now) {
  std::vector<FirstRecord> records;
  if (!appraisal.facts) {
    return records;
  }
  for (const appraisal::PolicyResult& result : appraisal.policies) {
    const auto policy =
        std::find_if(policies.policies.begin(), policies.policies.end(),
                     [&](const auto& compiled) { return compiled->meta().uid == result.uid; });
    if (policy == policies.policies.end() || result.uid.empty() || result.stands ||
        !result.outstanding.nothing_else) {
      continue;
    }
    const bool admit =
        result.outstanding.first_use &&
        !FirstUseObstacle(**policy, result, appraisal.facts->pcrs, identity, sources, now);
    const bool counts = admit || !result.identity;
    if (counts && (admit || !result.outstanding.baseline.empty())) {
      records.push_back({.policy_uid = result.uid,
                         .policy_name = result.name,
                         .admit = admit,
                         .values = result.outstanding.baseline});
    }
  }
  return records;
}

bool IsJudgedAs(const TpmIdentity& current, const TpmIdentity& judged) {
  return current.status.attestation_key && judged.status.attestation_key &&
         current.status.attestation_key->name == judged.status.attestation_key->name &&
         current.status.node_uid == judged.status.node_uid && current.MayAttest() &&
         current.decision == judged.decision && InConflict(current) == InConflict(judged) &&
         current.status.admissions == judged.status.admissions;
}

bool Enter(const FirstRecord& record, TpmIdentity& identity, WallTime now) {
  bool entered = false;
  const Admission admission{.by = Admission::By::kFirstUse, .ref = record.policy_uid};
  std::vector<Admission>& admissions = identity.status.admissions;
  if (record.admit &&
      std::find(admissions.begin(), admissions.end(), admission) == admissions.end()) {
    if (admissions.size() >= api::kMaxAdmissions) {
      return false;
    }
    admissions.push_back(admission);
    entered = true;
  }
  if (record.values.empty()) {
    return entered;
  }
  std::vector<Baseline>& baselines = identity.status.baselines;
  auto baseline = std::find_if(baselines.begin(), baselines.end(), [&](const Baseline& b) {
    return b.policy_uid == record.policy_uid;
  });
  if (baseline == baselines.end()) {
    if (baselines.size() >= api::kMaxBaselines) {
      return entered;
    }
    baseline = baselines.insert(baselines.end(),
                                {.policy_uid = record.policy_uid, .time = now, .pcrs = {}});
  }
  for (const evidence::PcrValue& value : record.values) {
    const std::string bank(tcg::BankName(value.bank));
    const bool known =
        std::any_of(baseline->pcrs.begin(), baseline->pcrs.end(), [&](const BaselinePcr& pcr) {
          return pcr.bank == bank && pcr.index == static_cast<int64_t>(value.index);
        });
    if (!known) {
      baseline->pcrs.push_back({.bank = bank, .index = value.index, .digest = ToHex(value.digest)});
      entered = true;
    }
  }
  return entered;
}

}  // namespace plimsoll::controller::identity
