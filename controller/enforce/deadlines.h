#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"

namespace plimsoll::controller::enforce {

// When things end for a node, by this leader's monotonic clock. Times in a status are wall-clock
// times of other machines: each is looked at once, when it is first seen, bounded by the present
// `expire` of the node's policies, and runs on the monotonic clock from then on. A wall clock that
// jumps, here or there, can neither extend trust beyond `expire` nor end it early once it has been
// seen (api.md 3.4). Thread-safe.
class Deadlines {
 public:
  explicit Deadlines(const Clock& clock) : clock_(clock) {}

  // When the evidence in `status` ceases to count. The past when there is none for this Node.
  MonotonicTime EvidenceExpiry(const Node& node, const NodeAttestationStatus& status,
                               const policies::NodePolicies& policies);

  // When an Unknown node gets the taint (rows 1 and 3): `expire` and the policies'
  // unknownGraceSeconds after it was last Trusted, or, where it never was, after the Node's
  // creation.
  MonotonicTime TaintDue(const Node& node, const NodeAttestationStatus& status,
                         const policies::NodePolicies& policies);

  void Forget(const std::string& node_name);

 private:
  // A wall-clock end as it was first seen.
  struct Seen {
    std::string node_uid;
    WallTime end{};
    std::chrono::seconds bound{0};
    MonotonicTime deadline{};
  };

  MonotonicTime Bound(std::map<std::string, Seen>& seen, const Node& node, WallTime end,
                      std::chrono::seconds bound);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Seen> expiry_;     // by node name
  std::map<std::string, Seen> taint_due_;  // by node name
};

}  // namespace plimsoll::controller::enforce
