#include "controller/enforce/verdict_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "api/stored_facts.h"
#include "appraisal/judgement.h"
#include "appraisal/reason.h"
#include "controller/record/transition.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::Reason;

// Why the evidence of a node does not count, or why there is none.
struct State {
  Reason reason;
  std::string message;
};

bool Bound(const TpmIdentity& identity, const Node& node) {
  return identity.node_name == node.meta.name && identity.status.node_uid == node.meta.uid &&
         identity.status.attestation_key.has_value();
}

State NotEnrolled() { return {Reason::kNotEnrolled, "no TPM is enrolled for the node"}; }

State Denied(const TpmIdentity& identity) {
  return {Reason::kIdentityDenied,
          fmt::format("identity {} is {}", identity.meta.name, ToString(identity.decision))};
}

State Expired(const NodeAttestationStatus& status) {
  return {Reason::kEvidenceExpired, status.last_verified_time
                                        ? fmt::format("the last good evidence is of {}",
                                                      FormatTime(*status.last_verified_time))
                                        : "no evidence has come yet"};
}

// What keeps the node's identity from counting at all; nullopt when it may attest.
std::optional<State> IdentityLoss(const NodeAttestationStatus& status, const NodeView& view) {
  if (!status.tpm_identity.empty()) {
    const auto identity = view.identities.Get(status.tpm_identity);
    if (!identity || !Bound(*identity, view.node)) {
      return NotEnrolled();
    }
    return identity->MayAttest() ? std::nullopt : std::optional(Denied(*identity));
  }
  std::optional<State> loss = NotEnrolled();
  for (const auto& identity : view.identities.List()) {
    if (!Bound(*identity, view.node)) {
      continue;
    }
    if (identity->MayAttest()) {
      return std::nullopt;
    }
    loss = Denied(*identity);
  }
  return loss;
}

// Why the node is Unknown while no evidence counts.
State StateWithoutEvidence(const NodeAttestationStatus& status, const NodeView& view) {
  if (!view.policies.enforced) {
    return {Reason::kNoEnforcingPolicy, "no Enforce policy selects the node"};
  }
  if (const auto loss = IdentityLoss(status, view)) {
    return *loss;
  }
  for (const auto& policy : view.policies.policies) {
    if (policy->mode() != policy::Mode::kAudit && !policy->ready()) {
      return {Reason::kPolicyNotReady,
              fmt::format("policy {}: {}", policy->meta().name, policy->problem())};
    }
  }
  if (status.last_verified_time) {
    return Expired(status);
  }
  const auto identity = IdentityOf(status, view);
  if (identity && !identity->Admitted()) {
    return {Reason::kIdentityPending,
            fmt::format("identity {} waits for admission", identity->meta.name)};
  }
  return Expired(status);
}

// Reasons that the leader gives and takes back itself. The others tell of what an agent sent or
// said, and only an agent changes them.
bool IsOurs(std::string_view reason) {
  const auto parsed = appraisal::ParseReason(reason);
  if (!parsed) {
    return true;
  }
  switch (*parsed) {
    case Reason::kNotEnrolled:
    case Reason::kIdentityDenied:
    case Reason::kIdentityPending:
    case Reason::kNoEnforcingPolicy:
    case Reason::kPolicyNotReady:
    case Reason::kEvidenceExpired:
    case Reason::kControllerStarting:
    case Reason::kAllPoliciesPassed:
      return true;
    default:
      return false;
  }
}

// What the TPM remembers of an earlier Node and nobody has acknowledged.
std::optional<UnacknowledgedFailure> EarlierFailure(const NodeAttestationStatus& status,
                                                    const NodeView& view, WallTime now) {
  const auto identity = IdentityOf(status, view);
  if (!identity || !identity->status.unacknowledged_failure ||
      Acknowledges(view.acknowledged_at, identity->status.unacknowledged_failure->time, now)) {
    return std::nullopt;
  }
  return identity->status.unacknowledged_failure;
}

NodeAttestationStatus Rejudge(const NodeAttestationStatus& status, const NodeView& view,
                              const record::Surroundings& surroundings) {
  // The caller has judged expiry on the monotonic clock. A wall clock that has jumped meanwhile has
  // no say in it.
  WallTime judged_at = surroundings.now;
  if (status.expiration_time) {
    judged_at = std::min(judged_at, *status.expiration_time - std::chrono::seconds(1));
  }
  const auto identity = IdentityOf(status, view);
  const auto facts = api::StoredFacts(status);
  if (!identity || !facts || !record::MayRejudge(status, view.node.meta.uid, judged_at)) {
    return record::AfterStateChange(status, Reason::kEvidenceExpired,
                                    "the recorded facts cannot be judged again", surroundings);
  }
  return record::AfterRejudgement(
      status,
      appraisal::JudgePolicies(*facts, api::IdentityFactsOf(*identity),
                               record::Applied(view.policies, status, judged_at)),
      surroundings);
}

}  // namespace

std::optional<WallTime> AcknowledgedAt(const kube::ObjectMeta& attestation) {
  const auto found = attestation.annotations.find("plimsoll.dev/acknowledged-at");
  if (found == attestation.annotations.end()) {
    return std::nullopt;
  }
  const auto time = ParseTime(found->second);
  return time ? std::optional(*time) : std::nullopt;
}

bool Acknowledges(const std::optional<WallTime>& acknowledged_at, WallTime failure, WallTime now) {
  return acknowledged_at && *acknowledged_at > failure && *acknowledged_at <= now;
}

std::shared_ptr<const TpmIdentity> IdentityOf(const NodeAttestationStatus& status,
                                              const NodeView& view) {
  if (!status.tpm_identity.empty()) {
    return view.identities.Get(status.tpm_identity);
  }
  for (const auto& identity : view.identities.List()) {
    if (Bound(*identity, view.node) && identity->MayAttest()) {
      return identity;
    }
  }
  return nullptr;
}

std::optional<WallTime> HeldOverUntil(const NodeAttestationStatus& status,
                                      const policies::NodePolicies& policies) {
  const bool held = std::any_of(status.policies.begin(), status.policies.end(),
                                [](const PolicyResult& result) { return result.held_over; });
  return held && status.last_verified_time
             ? std::optional(*status.last_verified_time + policies.interval)
             : std::nullopt;
}

std::string InputsOf(const NodeAttestationStatus& status, const NodeView& view) {
  // Until there is evidence no identity was judged with.
  const auto identity =
      status.tpm_identity.empty() ? nullptr : view.identities.Get(status.tpm_identity);
  return policies::InputsHash(view.policies, identity.get());
}

std::optional<NodeAttestationStatus> NextStatus(const NodeAttestationStatus& current,
                                                const NodeView& view, bool evidence_expired,
                                                WallTime now) {
  NodeAttestationStatus status =
      current.node_uid == view.node.meta.uid ? current : NodeAttestationStatus{};
  if (record::JudgedWithNewerInputs(status, view.policies)) {
    return std::nullopt;
  }
  const record::Surroundings surroundings{.node_uid = view.node.meta.uid,
                                          .policies = view.policies,
                                          .inputs = InputsOf(status, view),
                                          .now = now,
                                          .earlier_failure = EarlierFailure(status, view, now)};
  const Condition* evidence = Find(status.conditions, "EvidenceFresh");
  const bool fresh = evidence != nullptr && evidence->status == ConditionStatus::kTrue;
  const bool acknowledged =
      status.failure && Acknowledges(view.acknowledged_at, status.failure->time, now);
  if (acknowledged) {
    status.failure.reset();
  }
  NodeAttestationStatus next = status;

  if (fresh) {
    if (const auto loss = IdentityLoss(status, view)) {
      next = record::AfterStateChange(next, loss->reason, loss->message, surroundings);
    } else if (evidence_expired) {
      const State expired = Expired(status);
      next = record::AfterStateChange(next, expired.reason, expired.message, surroundings);
    } else if (const auto end = HeldOverUntil(status, view.policies);
               acknowledged || status.inputs != surroundings.inputs || (end && *end <= now)) {
      return Rejudge(status, view, surroundings);
    } else {
      return std::nullopt;
    }
  }

  const State state = StateWithoutEvidence(status, view);
  const Condition* trusted = Find(next.conditions, "Trusted");
  const bool sticks =
      next.summary == appraisal::ToString(appraisal::Verdict::kUntrusted) && view.policies.enforced;
  const bool ended = next.summary != appraisal::ToString(appraisal::Verdict::kUnknown) && !sticks;
  const bool differs =
      trusted == nullptr || ended ||
      (!sticks && IsOurs(trusted->reason) && trusted->reason != appraisal::ToString(state.reason));
  if (differs) {
    next = record::AfterStateChange(next, state.reason, state.message, surroundings);
  }
  return next == current ? std::nullopt : std::optional(std::move(next));
}

}  // namespace plimsoll::controller::enforce
