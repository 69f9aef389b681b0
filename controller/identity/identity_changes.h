#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "controller/identity/binding.h"
#include "controller/identity/identity_store.h"
#include "controller/objects.h"

namespace plimsoll::controller::identity {

// Why an activation is taken back (verification.md, "Decided details" 12).
enum class ActivationLoss : uint8_t {
  kCountersReset,  // TPM2_Clear restarts the counters while EK and AK stay
  kSharedTpm,      // two machines with one TPM state
};

// What evidence changes in a TPMIdentity. Each call is one compare-and-swap that others may run
// into at the same time; what they have done already is not done again. Thread-safe.
class IdentityChanges {
 public:
  explicit IdentityChanges(const Dependencies& dependencies)
      : d_(dependencies), store_(dependencies.client) {}

  // Takes the activation of the AK that `identity` names back: no AK and no boot epoch any more,
  // KeyActivated=False, verdict Unknown/NotEnrolled, an Event. For kSharedTpm, and for
  // kCountersReset where a policy of the node rejects unexplained resets, a person must approve
  // again. Returns the node's status as it then is.
  Result<NodeAttestationStatus> ClearActivation(const TpmIdentity& identity,
                                                const std::string& node_uid, ActivationLoss loss);

  // A reset that nothing explains: an Event, and when `rejected` a person must approve again.
  Status ReportUnexplainedReset(const TpmIdentity& identity, bool rejected);

  // Records the boot that the TPM was last seen in.
  Status RecordEpoch(const TpmIdentity& identity, const BootEpoch& epoch);

  // Keeps proof that the node was Untrusted beside the identity, where it outlives the Node object;
  // nullopt once the node is Trusted again. Proof that is there already is not replaced.
  Status RecordFailure(const TpmIdentity& identity,
                       const std::optional<UnacknowledgedFailure>& failure);

 private:
  const Dependencies d_;
  IdentityStore store_;
};

}  // namespace plimsoll::controller::identity
