#include "controller/ingest/node_identity.h"

#include <utility>

#include "appraisal/reason.h"

namespace plimsoll::controller::ingest {
namespace {

using State = NodeIdentity::State;

bool HasKeyOn(const TpmIdentity& identity, const std::string& node_uid) {
  return identity.status.attestation_key && identity.status.node_uid == node_uid;
}

}  // namespace

NodeIdentity ChooseIdentity(const std::vector<std::shared_ptr<const TpmIdentity>>& identities,
                            const std::string& node_name, const std::string& node_uid,
                            const std::string& attestation_key_name) {
  std::shared_ptr<const TpmIdentity> chosen;
  bool some_key = false;
  bool other_admitted = false;
  for (const auto& identity : identities) {
    if (identity->node_name != node_name) {
      continue;
    }
    if (HasKeyOn(*identity, node_uid) &&
        identity->status.attestation_key->name == attestation_key_name) {
      chosen = identity;
      continue;
    }
    some_key = some_key || HasKeyOn(*identity, node_uid);
    other_admitted = other_admitted || identity->Admitted();
  }
  if (!chosen) {
    return {some_key ? State::kUnknownKey : State::kNotEnrolled, nullptr};
  }
  if (!chosen->MayAttest()) {
    return {State::kDenied, std::move(chosen)};
  }
  if (other_admitted && !chosen->Admitted()) {
    return {State::kConflict, std::move(chosen)};
  }
  return {State::kReady, std::move(chosen)};
}

Result<NodeIdentity> FindIdentity(IngestContext& context, const AgentPrincipal& agent,
                                  const std::string& attestation_key_name) {
  NodeIdentity cached = ChooseIdentity(context.d.identities.List(), agent.node_name(),
                                       agent.node_uid(), attestation_key_name);
  if (cached.identity) {
    return cached;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(std::vector<TpmIdentity> live,
                            context.d.store.OnNode(agent.node_name()));
  std::vector<std::shared_ptr<const TpmIdentity>> shared;
  shared.reserve(live.size());
  for (TpmIdentity& identity : live) {
    shared.push_back(std::make_shared<const TpmIdentity>(std::move(identity)));
  }
  return ChooseIdentity(shared, agent.node_name(), agent.node_uid(), attestation_key_name);
}

http::Response RefuseIdentity(IngestContext& context, const AgentPrincipal& agent, State state) {
  using appraisal::Reason;
  switch (state) {
    case State::kUnknownKey:
      return Reject(context, agent, 409, appraisal::wire::kUnknownAttestationKey,
                    "another attestation key is activated for this node");
    case State::kDenied:
      return Reject(context, agent, 403, appraisal::ToString(Reason::kIdentityDenied),
                    "the TPM of this node is denied or revoked",
                    PoliciesOf(context, agent).interval);  // a person may decide anew
    case State::kConflict:
      return Reject(context, agent, 409, appraisal::ToString(Reason::kIdentityConflict),
                    "another TPM is admitted for this node");
    case State::kNotEnrolled:
    case State::kReady:
      break;
  }
  return Reject(context, agent, 409, appraisal::ToString(Reason::kNotEnrolled),
                "no attestation key is activated for this node");
}

}  // namespace plimsoll::controller::ingest
