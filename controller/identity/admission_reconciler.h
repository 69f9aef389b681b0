#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/identity/binding.h"
#include "controller/identity/endorsement.h"
#include "controller/identity/identity_store.h"
#include "kube/lookup.h"
#include "controller/objects.h"

namespace plimsoll::controller::identity {

// Keeps status.admissions of all TPMIdentities true (admission.h): adds what people approved and
// what certificates prove, takes away what no longer holds because a decision, a policy or an
// authority has changed or a certificate has run out. Forgets discovered identities that nobody has
// decided about for a day. Writes status and deletes; never spec.
//
// For the leader, and only after all informers have synced: a missing policy or authority takes
// admissions away. Every write is preceded by `may_write`, the leader's fence. Called by one thread
// at a time.
class AdmissionReconciler {
 public:
  AdmissionReconciler(const Dependencies& dependencies, const Lookup<TpmIdentity>& identities,
                      const Lookup<NodeAttestation>& attestations, std::function<bool()> may_write);

  // Brings one identity up to date. Call it when the identity changes. An Error is to be retried.
  Status Reconcile(const TpmIdentity& identity);

  // The same for all, in full, the janitor included. Call it when a policy or authority changes and
  // now and then, since certificates run out. Goes on after an error and returns the first.
  Status ReconcileAll();

 private:
  using Identities = std::vector<std::shared_ptr<const TpmIdentity>>;

  Status ReconcileAmong(const TpmIdentity& identity, const Identities& all);
  bool IsForgotten(const TpmIdentity& identity) const;
  Status CheckFence() const;

  const Dependencies d_;
  IdentityStore store_;
  const Lookup<TpmIdentity>& identities_;
  const Lookup<NodeAttestation>& attestations_;
  const std::function<bool()> may_write_;
};

}  // namespace plimsoll::controller::identity
