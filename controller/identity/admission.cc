#include "controller/identity/admission.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "controller/identity/endorsement.h"

namespace plimsoll::controller::identity {
namespace {

const Admission* FindHuman(const TpmIdentity& identity) {
  const auto& admissions = identity.status.admissions;
  const auto found = std::find_if(admissions.begin(), admissions.end(),
                                  [](const Admission& a) { return a.by == Admission::By::kHuman; });
  return found == admissions.end() ? nullptr : &*found;
}

}  // namespace

bool ApprovalAskedAgain(const TpmIdentity& identity) {
  const Condition* conflict_free = Find(identity.status.conditions, kConflictFree);
  return conflict_free != nullptr && conflict_free->status == ConditionStatus::kFalse &&
         !(identity.decision == Decision::kApproved &&
           identity.meta.generation > conflict_free->observed_generation);
}

bool ReconcileAdmissions(TpmIdentity& identity, const std::vector<std::string>& authorities,
                         WallTime now) {
  const Condition* conflict_free = Find(identity.status.conditions, kConflictFree);
  const bool was_in_conflict =
      conflict_free != nullptr && conflict_free->status == ConditionStatus::kFalse;
  const bool in_conflict = ApprovalAskedAgain(identity);
  if (was_in_conflict && !in_conflict) {
    Set(identity.status.conditions,
        {.type = kConflictFree,
         .status = ConditionStatus::kTrue,
         .reason = "Approved",
         .message = "a person has approved again",
         .observed_generation = identity.meta.generation},
        now);
  }

  std::vector<Admission> wanted;
  bool added_human = false;
  if (identity.decision == Decision::kApproved && !in_conflict) {
    const Admission* human = was_in_conflict ? nullptr : FindHuman(identity);
    added_human = human == nullptr;
    wanted.push_back(human != nullptr ? *human
                                      : Admission{.by = Admission::By::kHuman,
                                                  .ref = std::to_string(identity.meta.generation)});
  }
  const bool undenied =
      identity.decision == Decision::kApproved || identity.decision == Decision::kPending;
  if (undenied && !in_conflict) {
    for (const std::string& authority : authorities) {
      wanted.push_back({.by = Admission::By::kEndorsementCertificate, .ref = authority});
    }
  }
  identity.status.admissions = std::move(wanted);
  return added_human;
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
