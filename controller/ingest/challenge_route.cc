#include <utility>

#include "appraisal/reason.h"
#include "appraisal/selection.h"
#include "controller/ingest/node_identity.h"
#include "controller/ingest/routes.h"
#include "evidence/challenge.h"
#include "evidence/limits.h"

namespace plimsoll::controller::ingest {

namespace {

// Which logs are wanted; what is not wanted is kept in `challenge`.
void AskForLogs(IngestContext& context, const AgentPrincipal& agent,
                const evidence::ChallengeRequest& request, const policies::NodePolicies& policies,
                const TpmIdentity& identity, Challenge& challenge,
                evidence::ChallengeResponse& response) {
  const auto attestation = context.d.attestations.Get(agent.node_name());
  const bool known = attestation && attestation->status.node_uid == agent.node_uid();
  const bool anew = known && attestation->ReattestationIsDue(context.d.clock.Wall());
  if (anew) {
    context.d.events.Record(agent.node_name(), kube::EventType::kNormal, "ReattestationRequested",
                            "Challenge", "all logs are asked for, as the annotation wants it");
  }
  if (request.boot_event_log) {
    challenge.log_sha256 = request.boot_event_log->sha256;
    if (!anew) {
      challenge.log = context.logs.Get(agent.node_uid(), challenge.log_sha256);
    }
    response.want_boot_event_log = challenge.log == nullptr;
  }
  challenge.runtime_rules = policies.runtime_rules;
  if (request.ima_entries && !policies.runtime_rules.empty()) {
    if (known && !anew) {
      challenge.runtime = RecallProgress(attestation->status, identity, request.boot_id, policies);
    }
    if (challenge.runtime && challenge.runtime->position.list.entries > *request.ima_entries) {
      challenge.runtime.reset();
    }
    response.want_ima_from = challenge.runtime ? challenge.runtime->position.list.entries : 0;
  }
}

}  // namespace

http::Response PostChallenge(IngestContext& context, const AgentPrincipal& agent,
                             const http::Request& request) {
  const auto body = evidence::DecodeChallengeRequest(request.body);
  if (!body) {
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed, body.error().message);
  }
  const std::string key = body->attestation_key_name.ToHex();
  const auto found = FindIdentity(context, agent, key);
  if (!found) {
    return Unavailable(context, agent, "find the node's identity", found.error());
  }
  if (found->state != NodeIdentity::State::kReady) {
    return RefuseIdentity(context, agent, found->state);
  }
  const policies::NodePolicies policies = PoliciesOf(context, agent);
  tcg::PcrSelection selection = appraisal::SelectPcrs(policies.policies, body->banks);
  if (selection.HasEmptyBank()) {
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed,
                  "the TPM offers no PCR that can be asked for");
  }
  evidence::ChallengeResponse response;
  response.node = {agent.node_name(), agent.node_uid()};
  response.selection = selection;
  response.expires_in = evidence::kChallengeLifetime;
  Challenge challenge{.identity = found->identity->meta.name,
                      .attestation_key_name = key,
                      .selection = std::move(selection)};
  AskForLogs(context, agent, *body, policies, *found->identity, challenge, response);
  auto issued = context.challenges.Issue(agent.node_uid(), std::move(challenge));
  response.challenge = std::move(issued.id);
  response.nonce = issued.nonce;
  return http::JsonResponse(200, evidence::Encode(response));
}

}  // namespace plimsoll::controller::ingest
