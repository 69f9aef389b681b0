#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/identity/binding.h"
#include "controller/identity/first_records.h"
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
  // Returns the identity as it then is.
  Result<TpmIdentity> ReportUnexplainedReset(const TpmIdentity& identity, bool rejected);

  // Records what a quote of this node, under the AK that `identity` names, has shown for the first
  // time, and returns the identity as it then is: judge the quote again with it. What is recorded
  // already is not replaced, so that all who come at once hold the node to the same values. Nothing
  // is recorded when key, decision or admissions have changed since `identity` was read.
  //
  // A first use is given only while no other TPM is known of the node and the node is held by this
  // one; looked at again after the write, so that of two TPMs that come at once at most one stays.
  Result<TpmIdentity> RecordFirst(const TpmIdentity& identity, const std::string& node_uid,
                                  const std::vector<FirstRecord>& records);

  // Records the boot that the TPM was last seen in. What people have approved of one boot (two TPMs
  // with one clock) is asked again in the next.
  Status RecordEpoch(const TpmIdentity& identity, const BootEpoch& epoch);

  // Keeps proof that the node was Untrusted beside the identity, where it outlives the Node object;
  // nullopt once the node is Trusted again. Proof that is there already is not replaced.
  Status RecordFailure(const TpmIdentity& identity,
                       const std::optional<UnacknowledgedFailure>& failure);

 private:
  Result<bool> HasNodeForItself(const TpmIdentity& identity, const std::string& node_uid) const;
  Result<TpmIdentity> TakeBack(const TpmIdentity& identity,
                               const std::vector<FirstRecord>& records);

  const Dependencies d_;
  IdentityStore store_;
};

}  // namespace plimsoll::controller::identity
