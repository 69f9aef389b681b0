#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "controller/identity/endorsement.h"
#include "controller/identity/identity_store.h"
#include "controller/identity/node_events.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "controller/record/recorder.h"
#include "crypto/attestation_key.h"
#include "crypto/endorsement_certificate.h"
#include "evidence/enrollment.h"
#include "kube/client.h"
#include "kube/lookup.h"
#include "tcg/name.h"
#include "telemetry/log.h"

// Which TPM belongs to which node (api.md 3.3): what a correct activation writes, and who keeps it
// true. Knows no HTTP and no evidence.
namespace plimsoll::controller::identity {

// What the parts of this module work with; all of it must outlive them.
struct Dependencies {
  kube::Client& client;
  const Lookup<Node>& nodes;
  const policies::Picture& picture;
  const EndorsementJudge& judge;
  record::Recorder& recorder;
  NodeEvents& events;
  const Clock& clock;
  telemetry::Logger& logger;
};

// What a correct answer to an activation proves: the AK lives in the TPM of the EK, and whoever
// holds the node's token can use that TPM.
struct ProvenKey {
  std::string node_name;
  std::string node_uid;
  std::string endorsement_key_sha256;
  std::optional<crypto::EndorsementCertificate> certificate;  // of that very EK
  std::vector<Bytes> chain;                                   // DER; hints
  tcg::Name attestation_key_name;                             // computed, not received
  Bytes attestation_public;                                   // TPMT_PUBLIC
  crypto::KeyProfile profile = crypto::KeyProfile::kOther;
  TpmDescription tpm;
  std::optional<tcg::Name> endorsement_key_name =
      std::nullopt;  // computed: the AK may be its child
};

struct BindingOutcome {
  enum class Kind : uint8_t {
    kBound,
    kConflict,  // the EK is admitted for another node, or the node for another EK
    kTooMany,   // the node has three undecided identities already
  };
  Kind kind = Kind::kConflict;
  std::string identity;  // name of the TPMIdentity
  evidence::IdentityDecision decision = evidence::IdentityDecision::kPending;
};

// Binds proven keys to their nodes. Every replica does; two that bind at once meet at
// compare-and-swap writes:
//
//   1. TPMIdentity: the key and the certificate's facts, no new admission yet
//   2. NodeAttestation status.tpmIdentity: the claim on the node, its single lock
//   3. TPMIdentity: the admission, if one is due
//
// A claim by an identity that is admitted, or is about to be because its certificate counts, is not
// taken over, and a refused write anywhere starts the decision anew. So of several TPMs that claim
// one node at once exactly one becomes admitted. Thread-safe.
class Binding {
 public:
  explicit Binding(const Dependencies& dependencies)
      : d_(dependencies), store_(dependencies.client) {}

  // Nothing is written for a Denied or Revoked identity (kBound with decision kDenied), a conflict
  // or a node with too many. An Error means that it is not known whether the key is bound; the
  // agent enrols again.
  Result<BindingOutcome> Bind(const ProvenKey& proven);

  static constexpr size_t kMaxUndecidedPerNode = 3;

 private:
  // All that a decision is made from, read from the API server.
  struct Situation {
    std::optional<TpmIdentity> own;   // the EK's identity, whatever its node
    std::vector<TpmIdentity> others;  // the node's identities of other EKs
    NodeAttestation attestation;      // of this very Node
  };

  // nullopt: something has changed meanwhile, decide anew.
  Result<std::optional<BindingOutcome>> TryBind(const ProvenKey& proven);
  Result<std::optional<Situation>> Look(const ProvenKey& proven);
  Result<const TpmIdentity*> FindConflict(const ProvenKey& proven,
                                          const Situation& situation) const;
  Result<bool> IsAboutToHold(const TpmIdentity& other, const Situation& situation) const;
  Result<std::optional<TpmIdentity>> Discover(const ProvenKey& proven);
  Result<TpmIdentity> WriteProof(TpmIdentity identity, const ProvenKey& proven,
                                 EndorsementJudgement& judgement);
  Status Claim(const ProvenKey& proven, const TpmIdentity& identity, NodeAttestation attestation);
  Result<TpmIdentity> Admit(TpmIdentity identity, const EndorsementJudgement& judgement);
  void AnnounceConflict(const ProvenKey& proven, const TpmIdentity& established);

  const Dependencies d_;
  IdentityStore store_;
  // One binding of a node at a time in this process, so that only replicas compete for the writes.
  std::array<std::mutex, 64> locks_;
};

}  // namespace plimsoll::controller::identity
