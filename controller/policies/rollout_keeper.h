#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/result.h"
#include "controller/objects.h"
#include "controller/policies/rollout.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/lookup.h"
#include "telemetry/log.h"

namespace plimsoll::controller::policies {

struct RolloutSources {
  const Rollouts& rollouts;
  const Lookup<PolicyObject>& policies;
  const Lookup<Node>& nodes;
  const Lookup<NodeAttestation>& attestations;
};

// Keeps the ControllerRevisions of good generations: one is written when a generation judges every
// node that its policy selects, has judged all that have evidence, and was not halted. At most
// kKept of a policy. For the leader alone. Not thread-safe: one thread calls it, every few seconds.
class RolloutKeeper {
 public:
  static constexpr size_t kKept = 3;

  // All must outlive the keeper. `may_write` is asked before each write.
  RolloutKeeper(kube::Client& client, RolloutSources sources, kube::EventRecorder& events,
                telemetry::Logger& logger, std::string namespace_name,
                std::function<bool()> may_write);

  // What fails is logged and left to the next call.
  void Update();

  // Whether each policy with a rollout is halted, by name; as of the last Update.
  std::map<std::string, bool> Halted() const;

 private:
  Status Keep(const PolicyObject& policy);
  void Prune(const std::string& policy_uid);
  void Announce(const PolicyObject& policy, const RolloutProgress& progress);

  kube::Client& client_;
  const RolloutSources sources_;
  kube::EventRecorder& events_;
  telemetry::Logger& logger_;
  const std::string namespace_name_;
  const std::function<bool()> may_write_;

  mutable std::mutex mutex_;
  std::map<std::string, bool> halted_;  // guarded by mutex_
};

}  // namespace plimsoll::controller::policies
