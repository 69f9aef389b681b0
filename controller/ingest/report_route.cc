#include <fmt/format.h>

#include "appraisal/reason.h"
#include "controller/ingest/routes.h"
#include "controller/record/transition.h"
#include "evidence/report.h"

namespace plimsoll::controller::ingest {
namespace {

appraisal::Reason ReasonOf(evidence::TpmTrouble trouble) {
  switch (trouble) {
    case evidence::TpmTrouble::kTpmAbsent:
      return appraisal::Reason::kTpmAbsent;
    case evidence::TpmTrouble::kTpmError:
      return appraisal::Reason::kTpmError;
  }
  return appraisal::Reason::kTpmError;
}

}  // namespace

http::Response PostReport(IngestContext& context, const AgentPrincipal& agent,
                          const http::Request& request) {
  const auto report = evidence::DecodeReportRequest(request.body);
  if (!report) {
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed, report.error().message);
  }
  const policies::NodePolicies policies = PoliciesOf(context, agent);
  const std::string message = report->detail.empty()
                                  ? std::string("the agent cannot use the TPM")
                                  : fmt::format("the agent says: {}", report->detail);
  const auto status = context.d.recorder.Apply(
      agent.node_name(), agent.node_uid(), policies.expire,
      [&](const NodeAttestationStatus& current) -> std::optional<NodeAttestationStatus> {
        if (record::JudgedWithNewerInputs(current, policies)) {
          return std::nullopt;
        }
        const auto identity = context.d.identities.Get(current.tpm_identity);
        return record::AfterStateChange(current, ReasonOf(report->reason), message,
                                        {.node_uid = agent.node_uid(),
                                         .policies = policies,
                                         .inputs = policies::InputsHash(policies, identity.get()),
                                         .now = context.d.clock.Wall()});
      });
  if (!status) {
    return Unavailable(context, agent, "record a report", status.error());
  }
  return http::NoContent();
}

}  // namespace plimsoll::controller::ingest
