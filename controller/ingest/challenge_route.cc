#include <utility>

#include "appraisal/reason.h"
#include "appraisal/selection.h"
#include "controller/ingest/node_identity.h"
#include "controller/ingest/routes.h"
#include "evidence/challenge.h"
#include "evidence/limits.h"

namespace plimsoll::controller::ingest {

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
  tcg::PcrSelection selection =
      appraisal::SelectPcrs(PoliciesOf(context, agent).policies, body->banks);
  if (selection.HasEmptyBank()) {
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed,
                  "the TPM offers no PCR that can be asked for");
  }
  // Event logs and lists are not judged, so none is wanted.
  evidence::ChallengeResponse response;
  response.node = {agent.node_name(), agent.node_uid()};
  response.selection = selection;
  response.expires_in = evidence::kChallengeLifetime;
  auto issued = context.challenges.Issue(agent.node_uid(), {.identity = found->identity->meta.name,
                                                            .attestation_key_name = key,
                                                            .selection = std::move(selection),
                                                            .nonce = {}});
  response.challenge = std::move(issued.id);
  response.nonce = issued.nonce;
  return http::JsonResponse(200, evidence::Encode(response));
}

}  // namespace plimsoll::controller::ingest
