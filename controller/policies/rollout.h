#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/policy_revision.h"
#include "kube/lookup.h"

// Staged rollouts of policies (spec.rollout): by which generation a node is judged, and how a
// rollout goes.
namespace plimsoll::controller::policies {

// Whether the rollout takes the node: by its selector, and by a hash of policy and Node UID, so
// that a share that grows keeps whom it had, and every policy tries its luck with other nodes.
bool IsInShare(const policy::RolloutRule& rollout, const std::string& policy_uid, const Node& node);

// Where the good generations are kept. Thread-safe.
class Rollouts {
 public:
  // The lookup must outlive this.
  explicit Rollouts(const Lookup<PolicyRevision>& revisions) : revisions_(revisions) {}

  // What `node` is judged by instead of the policy's present generation: the last good one, as an
  // object of the present generation. Null where the present one counts: there is no rollout, it
  // takes the node, or no other generation was good before.
  std::shared_ptr<const PolicyObject> InsteadOf(const PolicyObject& policy, const Node& node) const;

  // The newest good generation; null where there is none.
  std::shared_ptr<const PolicyRevision> LastGood(const PolicyObject& policy) const;

  // Of a policy, the newest first.
  std::vector<std::shared_ptr<const PolicyRevision>> Revisions(const std::string& policy_uid) const;

 private:
  const Lookup<PolicyRevision>& revisions_;
};

enum class RolloutPhase : uint8_t {
  kComplete,  // the present generation judges every node that it selects
  kRunning,   // only its share, or it has not been judged everywhere
  kHalted,    // more nodes of the share fail than it allows
};

struct RolloutProgress {
  RolloutPhase phase = RolloutPhase::kComplete;
  bool staged = false;  // some nodes are kept at the last good generation
  int64_t share = 0;    // nodes that the present generation judges
  int64_t selected = 0;
  int64_t failing = 0;  // of the share
  int64_t pending = 0;  // of the share: with evidence that counts, not judged by it yet
};

// Halted is kept until the policy changes: it is read from the policy's condition Progressing.
RolloutProgress ProgressOf(const PolicyObject& policy, const Rollouts& rollouts,
                           const std::vector<std::shared_ptr<const Node>>& nodes,
                           const Lookup<NodeAttestation>& attestations);

Condition ProgressingCondition(const PolicyObject& policy, const RolloutProgress& progress);

}  // namespace plimsoll::controller::policies
