#include <utility>
#include <variant>

#include "appraisal/reason.h"
#include "controller/ingest/routes.h"
#include "evidence/enrollment.h"

namespace plimsoll::controller::ingest {
namespace {

http::Response Answer(IngestContext& context, const AgentPrincipal& agent,
                      const identity::ProvenKey& proven) {
  using Kind = identity::BindingOutcome::Kind;
  const auto outcome = context.d.binding.Bind(proven);
  if (!outcome) {
    return Unavailable(context, agent, "bind an attestation key", outcome.error());
  }
  switch (outcome->kind) {
    case Kind::kConflict:
      return Reject(context, agent, 409, appraisal::ToString(appraisal::Reason::kIdentityConflict),
                    "the TPM is admitted for another node, or the node for another TPM");
    case Kind::kTooMany:
      return Reject(context, agent, 409, appraisal::wire::kTooManyIdentities,
                    "the node has shown too many TPMs that nobody has decided about");
    case Kind::kBound:
      break;
  }
  // Other replicas notice when a challenge is used.
  context.challenges.Forget(agent.node_uid());
  return http::JsonResponse(200, evidence::Encode(evidence::ActivationResponse{
                                     .identity = outcome->identity,
                                     .attestation_key_name = proven.attestation_key_name,
                                     .decision = outcome->decision}));
}

}  // namespace

http::Response PostActivation(IngestContext& context, const AgentPrincipal& agent,
                              const http::Request& request) {
  const auto body = evidence::DecodeActivationRequest(request.body);
  if (!body) {
    // The message is not repeated: it is about the secret.
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed,
                  "the body is not an activation");
  }
  const auto id = request.parameters.find("id");
  const auto proof = context.enrollments.Answer(
      id == request.parameters.end() ? std::string_view() : std::string_view(id->second),
      agent.node_uid(), body->secret);
  if (std::holds_alternative<EnrollmentStore::WrongAnswer>(proof)) {
    return Reject(context, agent, 403, appraisal::wire::kActivationFailed,
                  "wrong answer; the enrolment is gone");
  }
  const auto* proven = std::get_if<identity::ProvenKey>(&proof);
  if (proven == nullptr) {
    return Reject(context, agent, 404, appraisal::wire::kUnknownEnrollment,
                  "there is no such enrolment of this node");
  }
  return Answer(context, agent, *proven);
}

}  // namespace plimsoll::controller::ingest
