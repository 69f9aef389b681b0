#include "controller/app/fleet_metrics.h"

#include <chrono>
#include <string_view>

#include "controller/app/metrics.h"

namespace plimsoll::controller {
namespace {

template <class Duration>
double Seconds(std::chrono::sys_time<Duration> time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

void ExportFleet(const enforce::FleetSummary& summary, telemetry::Metrics& families) {
  ClearFleet(families);
  for (const auto& [verdict, count] : summary.nodes_by_verdict) {
    families.Gauge(Family::kNodes, {verdict}).Set(static_cast<double>(count));
  }
  for (const auto& [decision, count] : summary.identities_by_decision) {
    families.Gauge(Family::kIdentities, {decision}).Set(static_cast<double>(count));
  }
  for (const auto& node : summary.nodes) {
    for (const std::string_view verdict : {"trusted", "untrusted", "unknown"}) {
      families.Gauge(Family::kNodeVerdict, {node.name, verdict})
          .Set(node.verdict == verdict ? 1 : 0);
    }
    if (node.last_verified) {
      families.Gauge(Family::kNodeLastVerified, {node.name}).Set(Seconds(*node.last_verified));
    }
    for (const std::string& policy : node.failing_policies) {
      families.Gauge(Family::kNodePolicyFailing, {node.name, policy}).Set(1);
    }
  }
  for (const auto& policy : summary.policies) {
    families.Gauge(Family::kPolicyReady, {policy.name}).Set(policy.ready ? 1 : 0);
    families.Gauge(Family::kPolicyNodes, {policy.name, "pass"})
        .Set(static_cast<double>(policy.passing));
    families.Gauge(Family::kPolicyNodes, {policy.name, "fail"})
        .Set(static_cast<double>(policy.failing));
    families.Gauge(Family::kPolicyNodes, {policy.name, "unknown"})
        .Set(static_cast<double>(policy.unknown));
  }
  for (const auto& [policy, nodes] : summary.blocked) {
    families.Gauge(Family::kEnforcementBlocked, {policy}).Set(static_cast<double>(nodes));
  }
  for (const auto& [policy, halted] : summary.halted) {
    families.Gauge(Family::kRolloutHalted, {policy}).Set(halted ? 1 : 0);
  }
  families.Gauge(Family::kExceptionsActive).Set(static_cast<double>(summary.exceptions_in_force));
  for (const auto& authority : summary.authorities) {
    if (authority.earliest_expiry) {
      families.Gauge(Family::kAuthorityExpiry, {authority.name})
          .Set(Seconds(*authority.earliest_expiry));
    }
  }
}

void ClearFleet(telemetry::Metrics& families) {
  for (const Family family :
       {Family::kNodes, Family::kNodeVerdict, Family::kNodeLastVerified, Family::kNodePolicyFailing,
        Family::kPolicyNodes, Family::kPolicyReady, Family::kIdentities,
        Family::kEnforcementBlocked, Family::kExceptionsActive, Family::kRolloutHalted,
        Family::kAuthorityExpiry, Family::kWeakFirmwareNodes}) {
    families.Clear(family);
  }
}

}  // namespace plimsoll::controller
