#include "controller/enforce/fleet_summary.h"

#include <utility>

#include "controller/policies/counts.h"

namespace plimsoll::controller::enforce {
namespace {

std::string VerdictWord(const std::string& summary) {
  if (summary == "Trusted") {
    return "trusted";
  }
  return summary == "Untrusted" ? "untrusted" : "unknown";
}

std::string DecisionWord(const TpmIdentity& identity) {
  switch (identity.decision) {
    case Decision::kApproved:
      return "approved";
    case Decision::kDenied:
      return "denied";
    case Decision::kRevoked:
      return "revoked";
    case Decision::kPending:
      return identity.Admitted() ? "admitted" : "pending";
  }
  return "pending";
}

}  // namespace

FleetSummary Summarise(const Lookup<Node>& nodes, const Lookup<NodeAttestation>& attestations,
                       const Lookup<TpmIdentity>& identities, const policies::Picture& picture,
                       const Lookup<policies::AuthorityObject>& authorities,
                       const std::string& taint_key) {
  FleetSummary fleet;
  fleet.nodes_by_verdict = {{"trusted", 0}, {"untrusted", 0}, {"unknown", 0}};
  fleet.identities_by_decision = {
      {"approved", 0}, {"admitted", 0}, {"pending", 0}, {"denied", 0}, {"revoked", 0}};
  const auto all_nodes = nodes.List();
  for (const auto& node : all_nodes) {
    FleetSummary::NodeRow row{
        .name = node->meta.name, .verdict = "unknown", .last_verified = {}, .failing_policies = {}};
    const auto attestation = attestations.Get(node->meta.name);
    if (attestation && attestation->status.node_uid == node->meta.uid) {
      row.verdict = VerdictWord(attestation->status.summary);
      row.last_verified = attestation->status.last_verified_time;
      for (const PolicyResult& policy : attestation->status.policies) {
        if (policy.result == "Fail" && policy.mode != "Audit") {
          row.failing_policies.push_back(policy.name);
        }
      }
    }
    ++fleet.nodes_by_verdict[row.verdict];
    fleet.nodes.push_back(std::move(row));
  }
  for (const auto& identity : identities.List()) {
    ++fleet.identities_by_decision[DecisionWord(*identity)];
  }
  for (const auto& policy : picture.All()) {
    const auto counts = policies::CountNodes(*policy, all_nodes, attestations, taint_key);
    fleet.policies.push_back({.name = policy->meta().name,
                              .ready = policy->ready(),
                              .passing = counts.passing,
                              .failing = counts.failing,
                              .unknown = counts.unknown});
  }
  for (const auto& object : authorities.List()) {
    FleetSummary::AuthorityRow row{.name = object->meta.name, .earliest_expiry = {}};
    const auto authority = picture.Authority(object->meta.name);
    if (authority && authority->roots) {
      row.earliest_expiry = authority->roots->earliest_expiry();
    }
    fleet.authorities.push_back(std::move(row));
  }
  return fleet;
}

}  // namespace plimsoll::controller::enforce
