#pragma once

#include "controller/enforce/fleet_summary.h"
#include "telemetry/metrics.h"

namespace plimsoll::controller {

// Sets the gauges about nodes, policies, identities and authorities; series of what is gone go with
// it.
void ExportFleet(const enforce::FleetSummary& summary, telemetry::Metrics& families);

// Takes them away: a replica that does not lead exports none, so that sums over replicas are right.
void ClearFleet(telemetry::Metrics& families);

}  // namespace plimsoll::controller
