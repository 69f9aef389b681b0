#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "controller/policies/reference_status.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/lookup.h"
#include "telemetry/log.h"

namespace plimsoll::controller::policies {

// Where the status of policies and authorities is computed from. All must outlive the writer.
struct StatusSources {
  const Picture& picture;
  const Lookup<PolicyObject>& policies;
  const Lookup<AuthorityObject>& authorities;
  const Lookup<ReferenceObject>& references;
  const Lookup<Node>& nodes;
  const Lookup<NodeAttestation>& attestations;
  const Rollouts* rollouts = nullptr;  // null: no condition Progressing
};

// Keeps the status of AttestationPolicy, EndorsementAuthority and ReferenceValues objects (api.md
// 2). For the leader alone. Not thread-safe: one thread calls it, every few seconds.
//
//   AttestationPolicy     counts of nodes; conditions Ready, SelectorTamperProof, ConflictFree,
//                         Enforced, Progressing; Event PolicyNotReady when Ready becomes False
//   EndorsementAuthority  certificates, earliestExpiry; conditions Ready, Expiring
//   ReferenceValues       values, matchedNodes, policyNames, lastMatchedTime; Ready, InUse
class StatusWriter {
 public:
  // `may_write` is asked before each write: whether this replica still leads.
  StatusWriter(kube::Client& client, StatusSources sources, kube::EventRecorder& events,
               const Clock& clock, telemetry::Logger& logger, std::string taint_key,
               std::function<bool()> may_write);

  // Writes every status that differs from what the objects hold, by compare-and-swap. What fails
  // (a newer object, no API server) is logged and left to the next call.
  void WriteChanged();

 private:
  void WritePolicy(const PolicyObject& object, const policy::CompiledPolicy& compiled,
                   const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& all,
                   const std::vector<std::shared_ptr<const Node>>& nodes);
  void WriteAuthority(const AuthorityObject& object);
  void WriteReference(const ReferenceObject& object, const ReferenceUse& use);
  bool Write(const kube::ResourceKind& kind, const kube::ObjectMeta& meta,
             const std::string& status_text, const Conditions& conditions);

  kube::Client& client_;
  const StatusSources sources_;
  kube::EventRecorder& events_;
  const Clock& clock_;
  telemetry::Logger& logger_;
  const std::string taint_key_;
  const std::function<bool()> may_write_;
};

}  // namespace plimsoll::controller::policies
