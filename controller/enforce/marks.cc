#include "controller/enforce/marks.h"

#include <fmt/format.h>

#include <chrono>

#include "appraisal/reason.h"
#include "controller/enforce/mark_taints.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::Reason;
using appraisal::Verdict;

bool IsSummary(const NodeAttestationStatus& status, Verdict verdict) {
  return status.summary == appraisal::ToString(verdict);
}

Row RowOf(const MarkInputs& in) {
  if (!in.policies.enforced) {
    // What proves a node Untrusted under a policy that we do not see may be a policy that is new.
    const bool unsure = IsSummary(in.status, Verdict::kUntrusted) && in.status.inputs != in.inputs;
    return unsure ? Row::kRejudgeFirst : Row::kNoEnforcePolicy;
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
                        .rejudging_failed = inputs.rejudging_failed,
                        .waivers = inputs.waivers},
                       names, unmatched);
  }
  DesiredMarks marks;
  marks.row = RowOf(inputs);
  marks.label = LabelOf(marks.row);
  marks.condition = NodeCondition(inputs, marks.row, names);
  if (marks.row == Row::kTrusted && !names.trusted_until.empty() && inputs.status.expiration_time) {
    marks.trusted_until =
        fmt::format("{}", std::chrono::floor<std::chrono::seconds>(*inputs.status.expiration_time)
                              .time_since_epoch()
                              .count());
  }
  SetTaints(marks, inputs, names, unmatched);
  return marks;
}

}  // namespace plimsoll::controller::enforce
