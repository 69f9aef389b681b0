#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "controller/identity/admission.h"
#include "controller/identity/binding.h"
#include "controller/identity/endorsement.h"
#include "controller/identity/identity_store.h"
#include "controller/objects.h"
#include "kube/lookup.h"

namespace plimsoll::controller::identity {

// Keeps the status of all TPMIdentities true, as far as it follows from other objects and from
// time:
//
//   admissions  adds what people approved and what certificates prove; takes away what no longer
//               holds because a decision, a policy or an authority has changed or a certificate has
//               run out (admission.h)
//   baselines   renews them with a person's approval; drops those of policies that are gone
//   conditions  FirmwareWeak, NodeGone, Revoked; ConflictFree=False/SharedTPM of TPMs that count
//               time together (shared_tpm.h)
//   Events      IdentityApproved, FirmwareWeak, SharedTPM; EndorsementExpiring once a day
//   the object  forgets a discovered identity that nobody has decided about for a day, and releases
//               one that only certificates or a first use admit once its Node has been gone for
//               `release_after`. What people decided, and what is in conflict, stays.
//
// Writes status and deletes; never spec.
//
// For the leader, and only after all informers have synced: a missing policy or authority takes
// admissions away. Every write is preceded by `may_write`, the leader's fence. Called by one thread
// at a time.
class AdmissionReconciler {
 public:
  AdmissionReconciler(const Dependencies& dependencies, const Lookup<TpmIdentity>& identities,
                      const Lookup<NodeAttestation>& attestations, std::function<bool()> may_write,
                      std::chrono::seconds release_after = std::chrono::hours(24));

  // Brings one identity up to date. Call it when the identity changes. An Error is to be retried.
  Status Reconcile(const TpmIdentity& identity);

  // The same for all, in full, the janitor included. Call it when a policy or authority changes and
  // now and then, since certificates run out. Goes on after an error and returns the first.
  Status ReconcileAll();

 private:
  using Identities = std::vector<std::shared_ptr<const TpmIdentity>>;

  // What one identity is brought up to date with.
  struct Situation {
    EndorsementJudgement judgement;
    bool node_is_free = false;
    bool node_exists = false;
    std::string quoted_firmware;                       // empty: not known
    std::set<std::string, std::less<>> gone_policies;  // UIDs that the identity names
    WallTime now;
  };
  // What has newly become so.
  struct News {
    bool approved = false;
    bool firmware_weak = false;
  };

  Status ReconcileAmong(const TpmIdentity& identity, const Identities& all);
  Result<Situation> LookAt(const TpmIdentity& identity, const Identities& all);
  News BringUpToDate(TpmIdentity& identity, const Situation& situation) const;
  void Announce(const TpmIdentity& identity, const News& news);
  void AnnounceExpiry(const TpmIdentity& identity, const Situation& situation);
  Status MarkShared(const Identities& all);
  bool IsForgotten(const TpmIdentity& identity, WallTime now) const;
  bool IsReleased(const TpmIdentity& identity, WallTime now) const;
  Result<std::set<std::string, std::less<>>> GonePolicies(const TpmIdentity& identity);
  bool Knows(std::string_view policy_uid) const;
  Status CheckFence() const;

  const Dependencies d_;
  IdentityStore store_;
  const Lookup<TpmIdentity>& identities_;
  const Lookup<NodeAttestation>& attestations_;
  const std::function<bool()> may_write_;
  const std::chrono::seconds release_after_;

  CompiledPolicies policies_;                                        // as of this pass
  std::optional<std::set<std::string, std::less<>>> live_policies_;  // by UID, once looked up
  std::map<std::string, WallTime> told_of_expiry_;                   // by identity
};

}  // namespace plimsoll::controller::identity
