#pragma once

#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "kube/client.h"
#include "kube/lookup.h"

namespace plimsoll::controller::enforce {

// Keeps status.unacknowledgedFailure of TPMIdentities: what a policy with recovery: Acknowledged
// must not forget when the Node object is made anew. For the leader alone. Thread-safe.
class FailureMemory {
 public:
  // All must outlive this. `may_write` is asked before each write.
  FailureMemory(kube::Client& client, const Lookup<TpmIdentity>& identities, const Clock& clock,
                std::function<bool()> may_write)
      : client_(client), identities_(identities), clock_(clock), may_write_(std::move(may_write)) {}

  // Writes the failure of the node's status into its TPMIdentity, by compare-and-swap; takes it
  // away when the node is Trusted again, or when a person has acknowledged it. Does nothing where
  // that is so already. Fails as kube::Client does; try again later.
  Status Update(const Node& node, const NodeAttestationStatus& status,
                const policies::NodePolicies& policies,
                const std::optional<WallTime>& acknowledged_at);

 private:
  kube::Client& client_;
  const Lookup<TpmIdentity>& identities_;
  const Clock& clock_;
  const std::function<bool()> may_write_;
};

}  // namespace plimsoll::controller::enforce
