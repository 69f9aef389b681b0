#include "controller/identity/binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "appraisal/reason.h"
#include "controller/identity/admission.h"
#include "controller/record/transition.h"

namespace plimsoll::controller::identity {
namespace {

using Kind = BindingOutcome::Kind;

constexpr int kMaxAttempts = 8;

bool IsUndecided(const TpmIdentity& identity) {
  return identity.source == "Discovered" && identity.decision == Decision::kPending &&
         identity.status.admissions.empty();
}

size_t CountUndecided(const std::vector<TpmIdentity>& identities) {
  return static_cast<size_t>(std::count_if(identities.begin(), identities.end(), IsUndecided));
}

BindingOutcome Refused(Kind kind, const std::string& identity) {
  return {.kind = kind, .identity = identity, .decision = evidence::IdentityDecision::kPending};
}

evidence::IdentityDecision DecisionOf(const TpmIdentity& identity) {
  if (identity.decision == Decision::kApproved && !ApprovalAskedAgain(identity)) {
    return evidence::IdentityDecision::kApproved;
  }
  return identity.status.admissions.empty() ? evidence::IdentityDecision::kPending
                                            : evidence::IdentityDecision::kAdmitted;
}

bool IsWeaker(crypto::KeyProfile now, const std::string& before) {
  return now > crypto::KeyProfileFromName(before).value_or(crypto::KeyProfile::kOther);
}

}  // namespace

Result<BindingOutcome> Binding::Bind(const ProvenKey& proven) {
  const std::lock_guard lock(locks_[std::hash<std::string>()(proven.node_name) % locks_.size()]);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto outcome = TryBind(proven);
    if (!outcome) {
      if (outcome.error().code == ErrorCode::kConflict) {
        continue;
      }
      return tl::unexpected(std::move(outcome).error());
    }
    if (*outcome) {
      return **std::move(outcome);
    }
  }
  return Fail(ErrorCode::kConflict, "the node's identities are being written by others",
              Retry::kBackoff);
}

Result<std::optional<BindingOutcome>> Binding::TryBind(const ProvenKey& proven) {
  const std::string name = TpmIdentity::NameFor(proven.endorsement_key_sha256);
  PLIMSOLL_ASSIGN_OR_RETURN(std::optional<Situation> situation, Look(proven));
  if (!situation) {
    return std::optional<BindingOutcome>();
  }
  std::optional<TpmIdentity>& own = situation->own;
  if (own && (own->decision == Decision::kDenied || own->decision == Decision::kRevoked)) {
    return BindingOutcome{Kind::kBound, name, evidence::IdentityDecision::kDenied};
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const TpmIdentity* const conflict, FindConflict(proven, *situation));
  if (conflict != nullptr) {
    AnnounceConflict(proven, *conflict);
    return Refused(Kind::kConflict, name);
  }
  const bool is_here = own && own->node_name == proven.node_name;
  if (!is_here && CountUndecided(situation->others) >= kMaxUndecidedPerNode) {
    return Refused(Kind::kTooMany, name);
  }
  if (own && !is_here) {
    // Not admitted there: the EK has moved. spec is never rewritten, so the object is made anew.
    PLIMSOLL_RETURN_IF_ERROR(store_.Delete(*own));
    own.reset();
  }
  if (!own) {
    PLIMSOLL_ASSIGN_OR_RETURN(own, Discover(proven));
    if (!own) {
      return Refused(Kind::kTooMany, name);
    }
  }

  PLIMSOLL_ASSIGN_OR_RETURN(EndorsementJudgement judgement,
                            d_.judge.Judge(proven.certificate, proven.chain));
  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity identity, WriteProof(*std::move(own), proven, judgement));
  PLIMSOLL_RETURN_IF_ERROR(Claim(proven, identity, std::move(situation->attestation)));
  PLIMSOLL_ASSIGN_OR_RETURN(identity, Admit(std::move(identity), judgement));
  return BindingOutcome{Kind::kBound, name, DecisionOf(identity)};
}

Result<std::optional<Binding::Situation>> Binding::Look(const ProvenKey& proven) {
  // The claim is read first: whoever made it has written what makes it count before.
  const auto body = d_.client.Get({kube::kNodeAttestation, proven.node_name});
  if (!body && body.error().code != ErrorCode::kNotFound) {
    return Wrap("read NodeAttestation", body.error());
  }
  Situation situation;
  if (body) {
    PLIMSOLL_ASSIGN_OR_RETURN(situation.attestation, NodeAttestation::Parse(*body));
  }
  if (!body || situation.attestation.owner_uid != proven.node_uid) {
    const auto made = d_.recorder.Apply(
        proven.node_name, proven.node_uid, std::chrono::seconds(0),
        [](const NodeAttestationStatus&) { return std::optional<NodeAttestationStatus>(); });
    if (!made) {
      return tl::unexpected(made.error());
    }
    return std::optional<Situation>();
  }

  const std::string name = TpmIdentity::NameFor(proven.endorsement_key_sha256);
  PLIMSOLL_ASSIGN_OR_RETURN(situation.own, store_.Get(name));
  if (situation.own && situation.own->endorsement_key_sha256 != proven.endorsement_key_sha256) {
    return Fail(ErrorCode::kInternal, "two endorsement keys share the name " + name);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(situation.others, store_.OnNode(proven.node_name));
  std::erase_if(situation.others, [&](const TpmIdentity& i) { return i.meta.name == name; });
  return std::optional<Situation>(std::move(situation));
}

// The identity that stands against this binding, or null.
Result<const TpmIdentity*> Binding::FindConflict(const ProvenKey& proven,
                                                 const Situation& situation) const {
  const TpmIdentity* const own = situation.own ? &*situation.own : nullptr;
  if (own != nullptr && own->node_name != proven.node_name &&
      (own->Admitted() || own->source != "Discovered")) {
    return own;
  }
  const bool approved_here = own != nullptr && own->decision == Decision::kApproved;
  for (const TpmIdentity& other : situation.others) {
    if (!other.Admitted()) {
      PLIMSOLL_ASSIGN_OR_RETURN(const bool about_to_hold, IsAboutToHold(other, situation));
      if (about_to_hold && !approved_here) {
        return &other;
      }
      continue;
    }
    // A person's word outranks a certificate; between equals whoever has the node keeps it.
    const bool outranked = approved_here && other.decision != Decision::kApproved;
    const bool equal = own != nullptr && own->Admitted() &&
                       situation.attestation.status.tpm_identity != other.meta.name;
    if (!outranked && !equal) {
      return &other;
    }
  }
  return static_cast<const TpmIdentity*>(nullptr);
}

// Whether `other` has claimed the node and its admission by certificate is about to be written.
Result<bool> Binding::IsAboutToHold(const TpmIdentity& other, const Situation& situation) const {
  const NodeAttestationStatus& claim = situation.attestation.status;
  if (claim.tpm_identity != other.meta.name || other.decision != Decision::kPending ||
      !other.status.attestation_key || other.status.node_uid != situation.attestation.owner_uid ||
      ApprovalAskedAgain(other)) {
    return false;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const EndorsementJudgement judgement, d_.judge.JudgeStored(other));
  return !judgement.authorities.empty();
}

// The new object of an EK that is new on this node; nullopt when that makes one too many.
Result<std::optional<TpmIdentity>> Binding::Discover(const ProvenKey& proven) {
  TpmIdentity identity;
  identity.meta.name = TpmIdentity::NameFor(proven.endorsement_key_sha256);
  identity.endorsement_key_sha256 = proven.endorsement_key_sha256;
  identity.node_name = proven.node_name;
  identity.source = "Discovered";
  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity created, store_.Create(identity));
  // Another replica may have made one at the same moment.
  PLIMSOLL_ASSIGN_OR_RETURN(const std::vector<TpmIdentity> all, store_.OnNode(proven.node_name));
  if (CountUndecided(all) > kMaxUndecidedPerNode) {
    PLIMSOLL_RETURN_IF_ERROR(store_.Delete(created));
    return std::optional<TpmIdentity>();
  }
  d_.logger.Info("TPM discovered", {{"node", proven.node_name}, {"identity", created.meta.name}});
  d_.events.Record(proven.node_name, kube::EventType::kNormal, "IdentityDiscovered", "Enroll",
                   fmt::format("TPM {} has enrolled", created.meta.name));
  return std::optional<TpmIdentity>(std::move(created));
}

Result<TpmIdentity> Binding::WriteProof(TpmIdentity identity, const ProvenKey& proven,
                                        EndorsementJudgement& judgement) {
  const WallTime now = d_.clock.Wall();
  TpmIdentityStatus& status = identity.status;
  const std::string key = proven.attestation_key_name.ToHex();
  const bool is_new = !status.attestation_key || status.attestation_key->name != key ||
                      status.node_uid != proven.node_uid;
  const bool weaker =
      status.attestation_key && IsWeaker(proven.profile, status.attestation_key->profile);
  if (weaker) {
    AskForApproval(identity, "KeyProfileChanged",
                   fmt::format("the key profile fell from {} to {}",
                               status.attestation_key->profile, crypto::ToString(proven.profile)),
                   now);
  } else if (Find(status.conditions, kConflictFree) == nullptr) {
    Set(status.conditions,
        {.type = kConflictFree,
         .status = ConditionStatus::kTrue,
         .reason = "NoConflict",
         .message = "no other node or key claims this TPM"},
        now);
  }
  status.node_uid = proven.node_uid;
  status.attestation_key = ActivatedKey{
      .name = key,
      .public_area = proven.attestation_public,
      .profile = std::string(crypto::ToString(proven.profile)),
      .activated_time = now,
      .endorsement_key_name =
          proven.endorsement_key_name ? proven.endorsement_key_name->ToHex() : std::string()};
  Set(status.conditions,
      {.type = kKeyActivated,
       .status = ConditionStatus::kTrue,
       .reason = "Activated",
       .message = "the attestation key is proven to live in this TPM"},
      now);
  status.tpm = proven.tpm;
  if (proven.certificate) {
    status.endorsement = DescribeCertificate(*proven.certificate, proven.chain);
  } else if (!status.endorsement.certificate.empty()) {
    // What was shown before still says what it says about this EK.
    PLIMSOLL_ASSIGN_OR_RETURN(judgement, d_.judge.JudgeStored(identity));
  }
  SetEndorsementVerified(identity, judgement, now);

  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity written, store_.WriteStatus(identity));
  if (weaker) {
    d_.events.Record(
        proven.node_name, kube::EventType::kWarning, "KeyProfileChanged", "Activate",
        fmt::format("TPM {} has enrolled a weaker key; approve it again", identity.meta.name));
  }
  if (is_new) {
    d_.logger.Info(
        "attestation key activated",
        {{"node", proven.node_name}, {"identity", identity.meta.name}, {"attestationKey", key}});
    d_.events.Record(proven.node_name, kube::EventType::kNormal, "KeyActivated", "Activate",
                     fmt::format("a {} attestation key of TPM {} is activated",
                                 crypto::ToString(proven.profile), identity.meta.name));
  }
  return written;
}

Status Binding::Claim(const ProvenKey& proven, const TpmIdentity& identity,
                      NodeAttestation attestation) {
  const NodeAttestationStatus& before = attestation.status;
  if (before.node_uid == proven.node_uid && before.tpm_identity == identity.meta.name) {
    return {};
  }
  const auto node = d_.nodes.Get(proven.node_name);
  const policies::NodePolicies policies = node ? d_.picture.For(*node) : policies::NodePolicies{};
  NodeAttestationStatus status =
      record::AfterStateChange(before, appraisal::Reason::kNotEnrolled,
                               "the attestation key is activated; evidence has not come yet",
                               {.node_uid = proven.node_uid,
                                .policies = policies,
                                .inputs = policies::InputsHash(policies, &identity),
                                .now = d_.clock.Wall()});
  // Facts of another TPM must not be judged for this one.
  status.tpm_identity = identity.meta.name;
  status.pcrs.clear();
  status.clock.reset();
  if (before.summary != status.summary) {
    d_.logger.Info("verdict changed", {{"node", proven.node_name},
                                       {"from", before.summary},
                                       {"to", status.summary},
                                       {"reason", "NotEnrolled"}});
  }
  attestation.status = std::move(status);
  const auto written = d_.client.UpdateStatus({kube::kNodeAttestation, proven.node_name},
                                              attestation.EncodeForStatusUpdate());
  if (!written && written.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kConflict, "the NodeAttestation is gone");
  }
  if (!written) {
    return Wrap("claim the node", written.error());
  }
  return {};
}

Result<TpmIdentity> Binding::Admit(TpmIdentity identity, const EndorsementJudgement& judgement) {
  const TpmIdentityStatus before = identity.status;
  const bool approved =
      ReconcileAdmissions(identity, {.authorities = judgement.authorities}, d_.clock.Wall());
  if (approved) {
    RenewBaselines(identity, d_.picture.All());
  }
  if (identity.status == before) {
    return identity;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity written, store_.WriteStatus(identity));
  if (approved) {
    d_.events.Record(identity.node_name, kube::EventType::kNormal, "IdentityApproved", "Admit",
                     fmt::format("TPM {} is approved", identity.meta.name));
  }
  return written;
}

void Binding::AnnounceConflict(const ProvenKey& proven, const TpmIdentity& established) {
  const std::string name = TpmIdentity::NameFor(proven.endorsement_key_sha256);
  const std::string note =
      established.meta.name == name
          ? fmt::format("TPM {} belongs to node {}, but enrolled on node {}", name,
                        established.node_name, proven.node_name)
          : fmt::format("node {} has TPM {}, but another one, {}, enrolled on it", proven.node_name,
                        established.meta.name, name);
  d_.logger.Warning("identity conflict", {{"node", proven.node_name},
                                          {"identity", name},
                                          {"establishedNode", established.node_name},
                                          {"establishedIdentity", established.meta.name}});
  d_.events.Record(proven.node_name, kube::EventType::kWarning, "IdentityConflict", "Activate",
                   note);
  if (established.node_name != proven.node_name) {
    d_.events.Record(established.node_name, kube::EventType::kWarning, "IdentityConflict",
                     "Activate", note);
  }
  const auto noted = store_.Update(
      established.meta.name, established.meta.uid,
      [&](TpmIdentity& current) { return ReportConflict(current, note, d_.clock.Wall()); });
  if (!noted) {
    d_.logger.Warning("identity conflict not noted in the TPMIdentity",
                      {{"identity", established.meta.name}, {"error", noted.error().message}});
  }
}

}  // namespace plimsoll::controller::identity
