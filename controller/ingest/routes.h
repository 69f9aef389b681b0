#pragma once

#include <vector>

#include "controller/ingest/agent_principal.h"
#include "controller/ingest/ingest_context.h"
#include "http/message.h"
#include "http/router.h"

namespace plimsoll::controller::ingest {

// The route table of the evidence endpoint. Every route is in the realm "agent", which takes an
// agent's token and nothing else. `context` must outlive the routes.
std::vector<http::Route> Routes(IngestContext& context);

// The handlers, one file each. Statuses and reasons are those of the protocol.
http::Response GetCluster(IngestContext& context, const AgentPrincipal& agent,
                          const http::Request& request);
http::Response PostEnrollment(IngestContext& context, const AgentPrincipal& agent,
                              const http::Request& request);
http::Response PostActivation(IngestContext& context, const AgentPrincipal& agent,
                              const http::Request& request);
http::Response PostChallenge(IngestContext& context, const AgentPrincipal& agent,
                             const http::Request& request);
http::Response PostEvidence(IngestContext& context, const AgentPrincipal& agent,
                            const http::Request& request);
http::Response PostReport(IngestContext& context, const AgentPrincipal& agent,
                          const http::Request& request);

}  // namespace plimsoll::controller::ingest
