#include "controller/identity/admission.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "controller/identity/conditions.h"
#include "tcg/algorithm.h"

namespace plimsoll::controller::identity {
namespace {

const Admission* FindHuman(const TpmIdentity& identity) {
  const auto& admissions = identity.status.admissions;
  const auto found = std::find_if(admissions.begin(), admissions.end(),
                                  [](const Admission& a) { return a.by == Admission::By::kHuman; });
  return found == admissions.end() ? nullptr : &*found;
}

// Whether a person has approved at a newer generation than the condition names.
bool ApprovedSince(const TpmIdentity& identity, const Condition& condition) {
  return identity.decision == Decision::kApproved &&
         identity.meta.generation > condition.observed_generation;
}

// Whether the policy compares this PCR with its first use, or did: one that it reads no more is of
// no matter.
bool IsFirstUse(const BaselinePcr& pcr, const std::vector<policy::PcrRule>& rules) {
  return std::any_of(rules.begin(), rules.end(), [&](const policy::PcrRule& rule) {
    return rule.match == policy::PcrMatch::kFirstUse && pcr.index == rule.index &&
           pcr.bank == tcg::BankName(rule.bank);
  });
}

}  // namespace

bool InConflict(const TpmIdentity& identity) {
  const Condition* conflict_free = Find(identity.status.conditions, kConflictFree);
  return conflict_free != nullptr && conflict_free->status == ConditionStatus::kFalse;
}

bool ApprovalAskedAgain(const TpmIdentity& identity) {
  if (!InConflict(identity)) {
    return false;
  }
  const Condition* conflict_free = Find(identity.status.conditions, kConflictFree);
  return conflict_free->reason != kIdentityConflict && !ApprovedSince(identity, *conflict_free);
}

bool ReconcileAdmissions(TpmIdentity& identity, const Grounds& grounds, WallTime now) {
  if (const Condition* conflict_free = Find(identity.status.conditions, kConflictFree);
      InConflict(identity) && ApprovedSince(identity, *conflict_free)) {
    Set(identity.status.conditions,
        {.type = kConflictFree,
         .status = ConditionStatus::kTrue,
         .reason = kApprovedAfter + conflict_free->reason,
         .message = "a person has approved again",
         .observed_generation = identity.meta.generation},
        now);
  }
  const bool asked_again = ApprovalAskedAgain(identity);
  const bool approved = identity.decision == Decision::kApproved;
  const bool undenied = approved || identity.decision == Decision::kPending;
  std::vector<Admission>& present = identity.status.admissions;
  std::vector<Admission> wanted;
  bool anew = false;
  if (approved && !asked_again) {
    wanted.push_back(
        {.by = Admission::By::kHuman, .ref = std::to_string(identity.meta.generation)});
    anew = std::find(present.begin(), present.end(), wanted.front()) == present.end();
  }
  if (undenied && !asked_again) {
    for (const std::string& authority : grounds.authorities) {
      wanted.push_back({.by = Admission::By::kEndorsementCertificate, .ref = authority});
    }
  }
  for (Admission& admission : present) {
    if (admission.by == Admission::By::kFirstUse && undenied && !InConflict(identity) &&
        (!grounds.first_uses || grounds.first_uses->contains(admission.ref))) {
      wanted.push_back(std::move(admission));
    }
  }
  present = std::move(wanted);
  return anew;
}

void RenewBaselines(TpmIdentity& identity, const CompiledPolicies& policies) {
  std::vector<Baseline>& baselines = identity.status.baselines;
  for (Baseline& baseline : baselines) {
    const auto policy = std::find_if(policies.begin(), policies.end(), [&](const auto& compiled) {
      return compiled->meta().uid == baseline.policy_uid;
    });
    std::erase_if(baseline.pcrs, [&](const BaselinePcr& pcr) {
      return policy == policies.end() || !IsFirstUse(pcr, (*policy)->spec().pcrs);
    });
  }
  std::erase_if(baselines, [](const Baseline& baseline) { return baseline.pcrs.empty(); });
}

bool ReportConflict(TpmIdentity& identity, const std::string& message, WallTime now) {
  if (InConflict(identity)) {
    return false;
  }
  std::erase_if(identity.status.admissions,
                [](const Admission& a) { return a.by == Admission::By::kFirstUse; });
  Set(identity.status.conditions,
      {.type = kConflictFree,
       .status = ConditionStatus::kFalse,
       .reason = kIdentityConflict,
       .message = message,
       .observed_generation = identity.meta.generation},
      now);
  return true;
}

void AskForApproval(TpmIdentity& identity, const std::string& reason, const std::string& message,
                    WallTime now) {
  identity.status.admissions.clear();
  Set(identity.status.conditions,
      {.type = kConflictFree,
       .status = ConditionStatus::kFalse,
       .reason = reason,
       .message = message,
       .observed_generation = identity.meta.generation},
      now);
}

int64_t ApprovedGeneration(const TpmIdentity& identity) {
  const Admission* human = FindHuman(identity);
  if (human == nullptr) {
    return 0;
  }
  int64_t generation = 0;
  const char* const end = human->ref.data() + human->ref.size();
  const auto parsed = std::from_chars(human->ref.data(), end, generation);
  return parsed.ec == std::errc() && parsed.ptr == end ? generation : 0;
}

}  // namespace plimsoll::controller::identity
