#include "controller/enforce/mark_taints.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "appraisal/reason.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::Verdict;

int Strength(std::string_view effect) {
  if (effect == "PreferNoSchedule") {
    return 1;
  }
  if (effect == "NoSchedule") {
    return 2;
  }
  return effect == "NoExecute" ? 3 : 0;
}

Taint NewTaint(const MarkNames& names, std::string_view reason, std::string_view effect) {
  return {.key = names.taint,
          .value = std::string(reason),
          .effect = std::string(effect),
          .time_added = {}};
}

// Whether the word is the reason of a verdict that only the node's TPM can have proven.
bool IsProof(std::string_view word) {
  const auto reason = appraisal::ParseReason(word);
  return reason && appraisal::VerdictOf(*reason) == Verdict::kUntrusted &&
         !appraisal::NeedsNoTpm(*reason);
}

// Rows 1 and 3, when they are Unknown for too long.
std::vector<Taint> Overdue(const MarkInputs& in, const TaintDemand& demand, const MarkNames& names,
                           std::string_view reason) {
  if (!in.overdue || demand.effect == policy::TaintEffect::kNone) {
    return {};
  }
  return {NewTaint(names, reason, policy::ToString(demand.effect))};
}

std::vector<Taint> UntrustedTaints(const MarkInputs& in, const TaintDemand& demand,
                                   const MarkNames& names, const std::string& reason,
                                   const std::vector<Taint>& present) {
  Taint wanted =
      NewTaint(names, reason,
               demand.effect == policy::TaintEffect::kNone ? "" : policy::ToString(demand.effect));
  if (!IsProof(reason)) {
    // Whoever holds the node's token can cause it: it must neither evict nor weaken what the TPM
    // has proven.
    const auto proven = std::find_if(present.begin(), present.end(),
                                     [](const Taint& taint) { return IsProof(taint.value); });
    if (proven != present.end()) {
      wanted.value = proven->value;
    } else if (Strength(wanted.effect) > Strength("NoSchedule")) {
      wanted.effect = "NoSchedule";
    }
  }
  for (const Taint& taint : present) {
    if (!in.status.last_trusted_time && Strength(taint.effect) > Strength(wanted.effect)) {
      wanted.effect = taint.effect;
    }
  }
  return wanted.effect.empty() ? std::vector<Taint>{} : std::vector<Taint>{wanted};
}

std::vector<Taint> TaintsOf(const MarkInputs& in, Row row, const TaintDemand& demand,
                            const MarkNames& names, UnmatchedNodes unmatched,
                            const std::string& reason) {
  const std::vector<Taint> present = OurTaints(in.node, names.taint);
  const bool never_trusted = !in.status.last_trusted_time;
  switch (row) {
    case Row::kRejudgeFirst:
      return present;
    case Row::kTrusted:
      return {};
    case Row::kNoEnforcePolicy:
      return unmatched == UnmatchedNodes::kHold && never_trusted ? present : std::vector<Taint>{};
    case Row::kNeverTrusted:
      return present.empty() ? Overdue(in, demand, names, reason) : present;
    case Row::kWasTrusted: {
      if (demand.effect == policy::TaintEffect::kNone) {
        return {};
      }
      if (present.empty()) {
        return Overdue(in, demand, names, reason);
      }
      Taint kept = present.front();
      kept.effect = policy::ToString(demand.effect);
      return {kept};
    }
    case Row::kUntrusted:
      return UntrustedTaints(in, demand, names, reason, present);
  }
  return present;
}

Claim ClaimOf(Row row, const std::vector<Taint>& taints) {
  if (row == Row::kUntrusted) {
    return std::any_of(taints.begin(), taints.end(),
                       [](const Taint& taint) { return IsProof(taint.value); })
               ? Claim::kProven
               : Claim::kNone;
  }
  const bool unknown = row == Row::kNeverTrusted || row == Row::kWasTrusted;
  return unknown && !std::all_of(taints.begin(), taints.end(), IsStartupTaint) ? Claim::kUnknown
                                                                               : Claim::kNone;
}

}  // namespace

void SetTaints(DesiredMarks& marks, const MarkInputs& in, const MarkNames& names,
               UnmatchedNodes unmatched) {
  if (!names.taints) {
    return;
  }
  const TaintDemand demand =
      DemandOn(in.policies, in.status, marks.row == Row::kUntrusted, in.waivers);
  marks.taints = TaintsOf(in, marks.row, demand, names, unmatched, marks.condition.reason);
  const bool waivable = marks.row == Row::kUntrusted || marks.row == Row::kNeverTrusted ||
                        marks.row == Row::kWasTrusted;
  if (waivable && !demand.waived_by.empty() && !marks.taints.empty()) {
    marks.taints.clear();
    marks.withheld_by = "AttestationException/" + demand.waived_by;
    marks.condition.message +=
        fmt::format("; the taint is withheld by AttestationException {}", demand.waived_by);
    return;
  }
  marks.claim = ClaimOf(marks.row, marks.taints);
  marks.asked_by = demand.policies;
}

bool IsStartupTaint(const Taint& taint) { return !appraisal::ParseReason(taint.value); }

void WithholdForBudget(DesiredMarks& marks, const Node& node, const MarkNames& names,
                       const TaintBudget::Answer& refused) {
  marks.taints.clear();
  for (const Taint& taint : OurTaints(node, names.taint)) {
    if (IsStartupTaint(taint)) {
      marks.taints.push_back(taint);
    }
  }
  if (!marks.taints.empty()) {
    return;
  }
  marks.withheld_by = "BudgetExceeded";
  marks.condition.message += fmt::format(
      "; the taint is withheld: policy {} taints at most {} nodes", refused.policy, refused.limit);
}

std::vector<Taint> OurTaints(const Node& node, const std::string& key) {
  std::vector<Taint> ours;
  std::copy_if(node.taints.begin(), node.taints.end(), std::back_inserter(ours),
               [&](const Taint& taint) { return taint.key == key; });
  return ours;
}

}  // namespace plimsoll::controller::enforce
