#include "controller/enforce/deadlines.h"

#include <algorithm>

#include "controller/enforce/taint_demand.h"

namespace plimsoll::controller::enforce {

MonotonicTime Deadlines::EvidenceExpiry(const Node& node, const NodeAttestationStatus& status,
                                        const policies::NodePolicies& policies) {
  if (status.node_uid != node.meta.uid || !status.expiration_time || !status.last_verified_time) {
    return MonotonicTime::min();
  }
  const WallTime end =
      std::min(*status.expiration_time, *status.last_verified_time + policies.expire);
  return Bound(expiry_, node, end, policies.expire);
}

MonotonicTime Deadlines::TaintDue(const Node& node, const NodeAttestationStatus& status,
                                  const policies::NodePolicies& policies) {
  const bool was_trusted = status.node_uid == node.meta.uid && status.last_trusted_time;
  const WallTime from = was_trusted ? *status.last_trusted_time : node.meta.creation_timestamp;
  const std::chrono::seconds patience = policies.expire + UnknownGrace(policies);
  return Bound(taint_due_, node, from + patience, patience);
}

void Deadlines::Forget(const std::string& node_name) {
  const std::lock_guard lock(mutex_);
  expiry_.erase(node_name);
  taint_due_.erase(node_name);
}

MonotonicTime Deadlines::Bound(std::map<std::string, Seen>& seen, const Node& node, WallTime end,
                               std::chrono::seconds bound) {
  const std::lock_guard lock(mutex_);
  Seen& entry = seen[node.meta.name];
  if (entry.node_uid == node.meta.uid && entry.end == end && entry.bound == bound) {
    return entry.deadline;
  }
  const auto left = std::clamp<std::chrono::nanoseconds>(end - clock_.Wall(), {}, bound);
  entry = {
      .node_uid = node.meta.uid, .end = end, .bound = bound, .deadline = clock_.Monotonic() + left};
  return entry.deadline;
}

}  // namespace plimsoll::controller::enforce
