#include "controller/enforce/marks.h"

#include <algorithm>

#include "appraisal/reason.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::Reason;
using appraisal::Verdict;

bool IsSummary(const NodeAttestationStatus& status, Verdict verdict) {
  return status.summary == appraisal::ToString(verdict);
}

Row RowOf(const MarkInputs& in) {
  if (!in.policies.enforced) {
    return Row::kNoEnforcePolicy;
  }
  if (IsSummary(in.status, Verdict::kUntrusted)) {
    return Row::kUntrusted;
  }
  if (IsSummary(in.status, Verdict::kTrusted) && !in.expired) {
    if (in.status.inputs == in.inputs) {
      return Row::kTrusted;
    }
    if (!in.rejudging_failed) {
      return Row::kRejudgeFirst;
    }
  }
  // A status that says Trusted without the time of it was not written by us; never Trusted is the
  // row that holds more back.
  return in.status.last_trusted_time ? Row::kWasTrusted : Row::kNeverTrusted;
}

int Strength(std::string_view effect) {
  if (effect == "PreferNoSchedule") {
    return 1;
  }
  if (effect == "NoSchedule") {
    return 2;
  }
  return effect == "NoExecute" ? 3 : 0;
}

// The condition of the Node says what the condition Trusted of the NodeAttestation says, where the
// row leaves room for it.
Condition NodeCondition(const MarkInputs& in, Row row, const MarkNames& names) {
  Condition condition;
  condition.type = names.condition;
  const Condition* trusted = Find(in.status.conditions, "Trusted");
  if (trusted != nullptr) {
    condition.reason = trusted->reason;
    condition.message = trusted->message;
  }
  if (row == Row::kTrusted) {
    condition.status = ConditionStatus::kTrue;
  } else if (row == Row::kUntrusted) {
    condition.status = ConditionStatus::kFalse;
  } else if (row == Row::kNoEnforcePolicy) {
    condition.reason = appraisal::ToString(Reason::kNoEnforcingPolicy);
    condition.message = "no Enforce policy selects the node";
  } else if (in.expired && IsSummary(in.status, Verdict::kTrusted)) {
    condition.reason = appraisal::ToString(Reason::kEvidenceExpired);
    condition.message = "the last evidence is too old";
  } else if (IsSummary(in.status, Verdict::kTrusted)) {
    condition.reason = appraisal::ToString(Reason::kControllerStarting);
    condition.message = "the node has not yet been judged with the present policies";
  }
  if (condition.reason.empty()) {
    condition.reason = appraisal::ToString(Reason::kNotEnrolled);
    condition.message = "the node has not proven anything yet";
  }
  return condition;
}

Taint NewTaint(const MarkNames& names, std::string_view reason, std::string_view effect) {
  return {.key = names.taint,
          .value = std::string(reason),
          .effect = std::string(effect),
          .time_added = {}};
}

// Rows 1 and 3, when they are Unknown for too long.
std::vector<Taint> Overdue(const MarkInputs& in, const MarkNames& names, std::string_view reason) {
  if (!in.overdue || in.policies.taint_effect == policy::TaintEffect::kNone) {
    return {};
  }
  return {NewTaint(names, reason, policy::ToString(in.policies.taint_effect))};
}

std::vector<Taint> TaintsOf(const MarkInputs& in, Row row, const MarkNames& names,
                            UnmatchedNodes unmatched, const std::string& reason) {
  const std::vector<Taint> present = OurTaints(in.node, names.taint);
  const bool never_trusted = !in.status.last_trusted_time;
  const bool no_effect = in.policies.taint_effect == policy::TaintEffect::kNone;
  const std::string_view effect = policy::ToString(in.policies.taint_effect);
  switch (row) {
    case Row::kRejudgeFirst:
      return present;
    case Row::kTrusted:
      return {};
    case Row::kNoEnforcePolicy:
      return unmatched == UnmatchedNodes::kHold && never_trusted ? present : std::vector<Taint>{};
    case Row::kNeverTrusted:
      return present.empty() ? Overdue(in, names, reason) : present;
    case Row::kWasTrusted: {
      if (no_effect) {
        return {};
      }
      if (present.empty()) {
        return Overdue(in, names, reason);
      }
      Taint kept = present.front();
      kept.effect = effect;
      return {kept};
    }
    case Row::kUntrusted: {
      Taint wanted = NewTaint(names, reason, no_effect ? "" : effect);
      for (const Taint& taint : present) {
        if (never_trusted && Strength(taint.effect) > Strength(wanted.effect)) {
          wanted.effect = taint.effect;
        }
      }
      return wanted.effect.empty() ? std::vector<Taint>{} : std::vector<Taint>{wanted};
    }
  }
  return present;
}

std::string_view LabelOf(Row row) {
  switch (row) {
    case Row::kTrusted:
      return kLabelTrue;
    case Row::kUntrusted:
      return kLabelFalse;
    case Row::kRejudgeFirst:
      return "";
    case Row::kNeverTrusted:
    case Row::kWasTrusted:
    case Row::kNoEnforcePolicy:
      return kLabelUnknown;
  }
  return kLabelUnknown;
}

}  // namespace

std::string_view ToString(Row row) {
  switch (row) {
    case Row::kNeverTrusted:
      return "NeverTrusted";
    case Row::kTrusted:
      return "Trusted";
    case Row::kWasTrusted:
      return "WasTrusted";
    case Row::kUntrusted:
      return "Untrusted";
    case Row::kNoEnforcePolicy:
      return "NoEnforcePolicy";
    case Row::kRejudgeFirst:
      return "RejudgeFirst";
  }
  return "NeverTrusted";
}

std::vector<Taint> OurTaints(const Node& node, const std::string& key) {
  std::vector<Taint> ours;
  std::copy_if(node.taints.begin(), node.taints.end(), std::back_inserter(ours),
               [&](const Taint& taint) { return taint.key == key; });
  return ours;
}

DesiredMarks DecideMarks(const MarkInputs& inputs, const MarkNames& names,
                         UnmatchedNodes unmatched) {
  if (inputs.status.node_uid != inputs.node.meta.uid) {
    NodeAttestationStatus nothing;
    nothing.node_uid = inputs.node.meta.uid;
    return DecideMarks({.status = nothing,
                        .node = inputs.node,
                        .policies = inputs.policies,
                        .inputs = inputs.inputs,
                        .expired = true,
                        .overdue = inputs.overdue,
                        .rejudging_failed = inputs.rejudging_failed},
                       names, unmatched);
  }
  DesiredMarks marks;
  marks.row = RowOf(inputs);
  marks.label = LabelOf(marks.row);
  marks.condition = NodeCondition(inputs, marks.row, names);
  marks.taints = TaintsOf(inputs, marks.row, names, unmatched, marks.condition.reason);
  return marks;
}

}  // namespace plimsoll::controller::enforce
