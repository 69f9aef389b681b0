#include "appraisal/reason.h"
#include "controller/ingest/evidence_round.h"
#include "controller/ingest/routes.h"
#include "evidence/evidence.h"

namespace plimsoll::controller::ingest {

// The order is the protocol's: a body that answers no challenge of this node gives no verdict, and
// only when it does is the rest looked at.
http::Response PostEvidence(IngestContext& context, const AgentPrincipal& agent,
                            const http::Request& request) {
  context.d.metrics.EvidenceSize(static_cast<double>(request.body.size()));
  const auto document = evidence::EvidenceDocument::Parse(request.body);
  if (!document) {
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed,
                  document.error().message);
  }
  const auto challenge = context.challenges.Take(document->challenge(), agent.node_uid());
  if (!challenge) {
    return Reject(context, agent, 409, appraisal::wire::kUnknownChallenge,
                  "this controller has no such challenge of the node outstanding");
  }
  return EvidenceRound(context, agent, *challenge).Run(document->Decode());
}

}  // namespace plimsoll::controller::ingest
