#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/enforce/failure_memory.h"
#include "controller/enforce/mark_decider.h"
#include "controller/enforce/mark_writer.h"
#include "controller/enforce/marks.h"
#include "controller/enforce/node_events.h"
#include "controller/enforce/verdict_update.h"
#include "controller/objects.h"
#include "controller/policies/currency.h"
#include "controller/policies/picture.h"
#include "controller/record/recorder.h"
#include "kube/client.h"
#include "kube/lookup.h"

namespace plimsoll::controller::enforce {

struct ReconcilerOptions {
  MarkNames names;
  UnmatchedNodes unmatched = UnmatchedNodes::kRelease;
};

// Brings one node to what its evidence and policies say. For the leader alone:
//
//   1. its NodeAttestation exists and is of this Node UID
//   2. its verdict: expiry, lost identities, policies that changed (verdict_update.h)
//   3. its marks, by the state table (marks.h), fenced (mark_writer.h)
//   4. what was enforced, into the status
//   5. failures that wait to be acknowledged, into the TPMIdentity (failure_memory.h)
//
// Every step starts from what the informers know and ends in a compare-and-swap, so a step that
// fails, or a leader that dies between two, leaves a state from which the next one goes on.
// Thread-safe for different nodes; a work queue gives one node to one thread at a time.
class NodeReconciler {
 public:
  // How long a status that was judged with other inputs than ours is waited for by informers before
  // it is judged again; and how long a label may then stay `true` while judging again fails.
  static constexpr std::chrono::seconds kInputsSettle{1};
  static constexpr std::chrono::seconds kInputsPatience{10};

  NodeReconciler(kube::Client& client, NodeSources sources, record::Recorder& recorder,
                 MarkWriter& writer, NodeEvents events, const Clock& clock,
                 ReconcilerOptions options, std::function<bool()> may_write);

  // When this replica became the leader. Call before the first Reconcile, with informers that have
  // synced.
  void LeaderSince(MonotonicTime since) { decider_.LeaderSince(since); }

  // Called for nodes that should be reconciled because of another one. Set before the first
  // Reconcile; empty: nobody is told.
  void OnWake(TaintBudget::Wake wake) { decider_.OnWake(std::move(wake)); }

  // Nodes whose taint a budget holds back, by policy; every policy that has a limit.
  std::map<std::string, int64_t> Blocked() const { return decider_.Blocked(); }

  // How long from now the node should be looked at again though nothing changes; nullopt for never.
  using Again = std::optional<std::chrono::nanoseconds>;

  // One pass over the node. Fails when something could not be read or written; the caller tries
  // again later.
  Result<Again> Reconcile(const std::string& node_name);

 private:
  // What is remembered of a node between passes: when its status and our picture began to differ.
  struct Memory {
    std::string own_inputs;
    std::optional<MonotonicTime> differs_since;
  };
  struct Pass;

  static EventNode AboutOf(const Pass& pass);
  Status UpdateVerdict(Pass& pass);
  bool InputsMustSettle(Pass& pass);
  Status UpdateMarks(Pass& pass);
  Result<DesiredMarks> Decide(Pass& pass, const Node& node, bool live);
  Status RecordEnforcement(const Pass& pass);
  Again NextLook(const Pass& pass);
  void Forget(const std::string& node_name);

  kube::Client& client_;
  const NodeSources sources_;
  record::Recorder& recorder_;
  MarkWriter& writer_;
  NodeEvents events_;
  const Clock& clock_;
  const ReconcilerOptions options_;
  const std::function<bool()> may_write_;
  MarkDecider decider_;
  FailureMemory memory_of_failures_;

  std::mutex mutex_;
  std::map<std::string, Memory> memory_;  // by node name
};

}  // namespace plimsoll::controller::enforce
