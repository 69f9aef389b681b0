#include "controller/enforce/mark_decider.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/enforce/verdict_update.h"

namespace plimsoll::controller::enforce {

MarkDecider::MarkDecider(NodeSources sources, const Clock& clock, MarkNames names,
                         UnmatchedNodes unmatched)
    : sources_(sources),
      clock_(clock),
      names_(std::move(names)),
      unmatched_(unmatched),
      deadlines_(clock) {}

void MarkDecider::LeaderSince(MonotonicTime since) {
  leader_since_ = since;
  budget_.Clear();
  std::vector<std::pair<bool, TaintBudget::Request>> asking;  // with: it has no taint yet
  for (const auto& node : sources_.nodes.List()) {
    const policies::NodePolicies policies = sources_.picture.For(*node);
    budget_.Count(node->meta.name, policies);
    const auto attestation = sources_.attestations.Get(node->meta.name);
    if (!attestation) {
      continue;
    }
    const Subject subject{.node = *node, .status = attestation->status, .policies = policies};
    const DesiredMarks marks = WithoutBudget(subject);
    if (marks.claim == Claim::kNone) {
      continue;
    }
    const std::vector<Taint> present = OurTaints(*node, names_.taint);
    asking.emplace_back(std::all_of(present.begin(), present.end(), IsStartupTaint),
                        RequestOf(subject, marks));
  }
  std::sort(asking.begin(), asking.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second.claim, a.second.since, a.second.node) <
           std::tie(b.first, b.second.claim, b.second.since, b.second.node);
  });
  for (const auto& [untainted, request] : asking) {
    budget_.Take(request);
  }
}

bool MarkDecider::HasExpired(const Node& node, const NodeAttestationStatus& status,
                             const policies::NodePolicies& policies) {
  return deadlines_.EvidenceExpiry(node, status, policies) <= clock_.Monotonic();
}

DesiredMarks MarkDecider::Decide(const Subject& subject) {
  budget_.Count(subject.node.meta.name, subject.policies);
  DesiredMarks marks = WithoutBudget(subject);
  if (marks.claim == Claim::kNone) {
    return marks;
  }
  const TaintBudget::Answer answer = budget_.Take(RequestOf(subject, marks));
  if (!answer.granted) {
    WithholdForBudget(marks, subject.node, names_, answer);
  } else if (!answer.policy.empty()) {
    marks.room = fmt::format(" ({} of at most {} nodes)", answer.places, answer.limit);
  }
  return marks;
}

void MarkDecider::Written(const Node& node, const DesiredMarks& marks) {
  if (marks.claim == Claim::kNone) {
    budget_.Release(node.meta.name);
  }
}

std::optional<MonotonicTime> MarkDecider::NextChange(const Subject& subject,
                                                     const DesiredMarks* marks) {
  const MonotonicTime now = clock_.Monotonic();
  std::optional<MonotonicTime> next;
  const auto sooner = [&](MonotonicTime time) { next = next ? std::min(*next, time) : time; };
  const MonotonicTime expiry =
      deadlines_.EvidenceExpiry(subject.node, subject.status, subject.policies);
  if (expiry > now) {
    sooner(expiry);
  }
  if (const auto end = sources_.exceptions.FirstEnd(subject.node)) {
    sooner(*end);
  }
  const bool waits = marks != nullptr && marks->taints.empty() && marks->withheld_by.empty() &&
                     (marks->row == Row::kNeverTrusted || marks->row == Row::kWasTrusted);
  if (waits && !Overdue(subject) && subject.policies.taint_effect != policy::TaintEffect::kNone) {
    sooner(std::max(deadlines_.TaintDue(subject.node, subject.status, subject.policies),
                    SilenceCountsFrom(subject.policies)));
  }
  return next;
}

void MarkDecider::Forget(const std::string& node_name) {
  deadlines_.Forget(node_name);
  budget_.Forget(node_name);
}

DesiredMarks MarkDecider::WithoutBudget(const Subject& subject) {
  const std::string inputs =
      InputsOf(subject.status, {subject.node, subject.policies, sources_.identities});
  return DecideMarks({.status = subject.status,
                      .node = subject.node,
                      .policies = subject.policies,
                      .inputs = inputs,
                      .expired = HasExpired(subject.node, subject.status, subject.policies),
                      .overdue = Overdue(subject),
                      .rejudging_failed = subject.rejudging_failed,
                      .waivers = sources_.exceptions.Covering(subject.node)},
                     names_, unmatched_);
}

bool MarkDecider::Overdue(const Subject& subject) {
  const MonotonicTime now = clock_.Monotonic();
  return SilenceCountsFrom(subject.policies) <= now &&
         deadlines_.TaintDue(subject.node, subject.status, subject.policies) <= now;
}

TaintBudget::Request MarkDecider::RequestOf(const Subject& subject,
                                            const DesiredMarks& marks) const {
  const Condition* trusted = Find(subject.status.conditions, "Trusted");
  return {.node = subject.node.meta.name,
          .claim = marks.claim,
          .since = trusted == nullptr ? WallTime() : trusted->last_transition_time,
          .policies = marks.asked_by};
}

MonotonicTime MarkDecider::SilenceCountsFrom(const policies::NodePolicies& policies) const {
  return leader_since_ + policies.interval + kSilenceAfterStart;
}

}  // namespace plimsoll::controller::enforce
