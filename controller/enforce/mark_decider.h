#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "controller/enforce/deadlines.h"
#include "controller/enforce/exceptions.h"
#include "controller/enforce/marks.h"
#include "controller/enforce/taint_budget.h"
#include "controller/objects.h"
#include "controller/policies/currency.h"
#include "controller/policies/picture.h"
#include "kube/lookup.h"

namespace plimsoll::controller::enforce {

// What the leader reads. All must outlive who reads it.
struct NodeSources {
  const Lookup<Node>& nodes;
  const Lookup<NodeAttestation>& attestations;
  const Lookup<TpmIdentity>& identities;
  const policies::Picture& picture;
  policies::Currency& currency;
  Exceptions& exceptions;
};

// Decides which marks a node should carry: the state table (marks.h), with what it needs to know
// beside the node itself, which is time (deadlines.h), exceptions and budgets. Thread-safe.
class MarkDecider {
 public:
  // Added to the node's interval after the start of a leader, before silence taints anybody.
  static constexpr std::chrono::seconds kSilenceAfterStart{60};

  // One node and what is known of it.
  struct Subject {
    const Node& node;
    const NodeAttestationStatus& status;
    const policies::NodePolicies& policies;
    bool rejudging_failed = false;
  };

  MarkDecider(NodeSources sources, const Clock& clock, MarkNames names, UnmatchedNodes unmatched);

  // Nodes whose marks should be decided again because of what was decided about another.
  void OnWake(TaintBudget::Wake wake) { budget_.OnWake(std::move(wake)); }

  // When this replica became the leader. Gives the places in budgets first to the Nodes that carry
  // the taint, then to the others in the order of their failures, so that a change of leaders
  // changes no taint.
  void LeaderSince(MonotonicTime since);

  // Whether the evidence in `status` counts no more.
  bool HasExpired(const Node& node, const NodeAttestationStatus& status,
                  const policies::NodePolicies& policies);

  DesiredMarks Decide(const Subject& subject);

  // The Node carries these marks now.
  void Written(const Node& node, const DesiredMarks& marks);

  // When the decision changes though no object does; nullopt for never.
  std::optional<MonotonicTime> NextChange(const Subject& subject, const DesiredMarks* marks);

  void Forget(const std::string& node_name);

  std::map<std::string, int64_t> Blocked() const { return budget_.Blocked(); }

 private:
  DesiredMarks WithoutBudget(const Subject& subject);
  bool Overdue(const Subject& subject);
  TaintBudget::Request RequestOf(const Subject& subject, const DesiredMarks& marks) const;
  MonotonicTime SilenceCountsFrom(const policies::NodePolicies& policies) const;

  const NodeSources sources_;
  const Clock& clock_;
  const MarkNames names_;
  const UnmatchedNodes unmatched_;
  MonotonicTime leader_since_{};
  Deadlines deadlines_;
  TaintBudget budget_;
};

}  // namespace plimsoll::controller::enforce
