#include "kubectl-plugin/cluster/status_view.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using api::ConditionStatus;
using api::NodeAttestation;
using nlohmann::ordered_json;

constexpr std::chrono::hours kExpiryWarning{30 * 24};

void PutText(ordered_json& to, const char* key, const std::string& text) {
  if (!text.empty()) {
    to[key] = text;
  }
}

ordered_json NodeRow(const NodeAttestation& attestation) {
  const api::NodeAttestationStatus& status = attestation.status;
  ordered_json row = {{"name", attestation.meta.name}, {"verdict", status.summary}};
  if (const api::Condition* trusted = api::Find(status.conditions, "Trusted")) {
    row["reason"] = trusted->reason;
    PutText(row, "message", trusted->message);
    row["since"] = FormatTime(trusted->last_transition_time);
  } else {
    row["reason"] = "";
  }
  if (status.last_verified_time) {
    row["lastVerified"] = FormatTime(*status.last_verified_time);
  }
  PutText(row, "failedPolicies", status.failed_policies);
  PutText(row, "label", status.enforced_label);
  PutText(row, "taint", status.enforced_taint);
  PutText(row, "withheldBy", status.withheld_by);
  if (status.clock) {
    PutText(row, "tpmFirmware", status.clock->firmware_version);
  }
  return row;
}

ordered_json Selected(const Fleet& fleet, std::string_view verdict) {
  ordered_json rows = ordered_json::array();
  for (const NodeAttestation& attestation : fleet.attestations) {
    if (attestation.status.summary == verdict) {
      rows.push_back(NodeRow(attestation));
    }
  }
  return rows;
}

bool IsPending(const api::TpmIdentity& identity) {
  return identity.decision == api::Decision::kPending && identity.status.admissions.empty();
}

ordered_json PendingIdentities(const Fleet& fleet) {
  ordered_json rows = ordered_json::array();
  for (const api::TpmIdentity& identity : fleet.identities) {
    const api::Condition* conflict = api::Find(identity.status.conditions, "ConflictFree");
    const bool conflicting = conflict != nullptr && conflict->status == ConditionStatus::kFalse;
    if (!IsPending(identity) && !conflicting) {
      continue;
    }
    const api::Condition* endorsed = api::Find(identity.status.conditions, "EndorsementVerified");
    ordered_json row = {
        {"name", identity.meta.name},
        {"node", identity.node_name},
        {"decision", api::ToString(identity.decision)},
        {"manufacturer", identity.status.endorsement.manufacturer.empty()
                             ? identity.status.tpm.manufacturer
                             : identity.status.endorsement.manufacturer},
        {"firmwareVersion", identity.status.tpm.firmware_version},
        {"endorsementVerified",
         endorsed == nullptr ? "Unknown" : std::string(api::ToString(endorsed->status))},
        {"keyActivated", identity.status.attestation_key.has_value()},
        {"created", FormatTime(identity.meta.creation_timestamp)}};
    if (conflicting) {
      row["conflict"] = fmt::format("{}: {}", conflict->reason, conflict->message);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// Conditions of a policy that are not as they should be.
ordered_json ConcernsOf(const PolicyRecord& policy) {
  ordered_json concerns = ordered_json::array();
  for (const api::Condition& condition : policy.conditions) {
    if (condition.status == ConditionStatus::kFalse) {
      concerns.push_back(
          {{"type", condition.type}, {"reason", condition.reason}, {"message", condition.message}});
    }
  }
  return concerns;
}

ordered_json Policies(const Fleet& fleet) {
  ordered_json rows = ordered_json::array();
  for (const PolicyRecord& policy : fleet.policies) {
    const api::Condition* ready = api::Find(policy.conditions, "Ready");
    rows.push_back(
        {{"name", policy.meta.name},
         {"mode", policy::ToString(policy.policy.mode)},
         {"matched", policy.matched},
         {"passing", policy.passing},
         {"failing", policy.failing},
         {"unknown", policy.unknown},
         {"tainted", policy.tainted},
         {"ready", ready == nullptr ? "Unknown" : std::string(api::ToString(ready->status))},
         {"concerns", ConcernsOf(policy)}});
  }
  return rows;
}

ordered_json StaleReferences(const Fleet& fleet, WallTime now) {
  ordered_json rows = ordered_json::array();
  for (const ReferenceRecord& set : fleet.references) {
    const std::vector<std::string> why = StalenessOf(set, now);
    if (!why.empty()) {
      rows.push_back({{"name", set.meta.name},
                      {"state", policy::ToString(set.values.state)},
                      {"matchedNodes", set.matched_nodes},
                      {"policies", set.policy_names},
                      {"concerns", why}});
    }
  }
  return rows;
}

ordered_json Authorities(const Fleet& fleet, WallTime now) {
  ordered_json rows = ordered_json::array();
  for (const AuthorityRecord& authority : fleet.authorities) {
    ordered_json concerns = ordered_json::array();
    const api::Condition* ready = api::Find(authority.conditions, "Ready");
    if (ready != nullptr && ready->status == ConditionStatus::kFalse) {
      concerns.push_back(fmt::format("not ready ({}): {}", ready->reason, ready->message));
    }
    const auto today = std::chrono::floor<std::chrono::seconds>(now);
    if (authority.earliest_expiry && *authority.earliest_expiry < today + kExpiryWarning) {
      concerns.push_back(fmt::format("a certificate {} on {}",
                                     *authority.earliest_expiry < today ? "expired" : "expires",
                                     FormatTime(*authority.earliest_expiry)));
    }
    if (!concerns.empty()) {
      rows.push_back({{"name", authority.meta.name},
                      {"certificates", authority.certificates},
                      {"concerns", std::move(concerns)}});
    }
  }
  return rows;
}

ordered_json ActiveExceptions(const Fleet& fleet, WallTime now) {
  ordered_json rows = ordered_json::array();
  for (const ExceptionRecord& exception : fleet.exceptions) {
    if (exception.expires_at && *exception.expires_at <= now) {
      continue;
    }
    ordered_json row = {
        {"name", exception.meta.name}, {"reason", exception.reason}, {"nodes", exception.nodes}};
    if (exception.expires_at) {
      row["expiresAt"] = FormatTime(*exception.expires_at);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// Nodes that the controller has no word about.
ordered_json Unattested(const Fleet& fleet) {
  ordered_json names = ordered_json::array();
  if (fleet.nodes) {
    for (const api::Node& node : *fleet.nodes) {
      if (fleet.Attestation(node.meta.name) == nullptr) {
        names.push_back(node.meta.name);
      }
    }
  }
  return names;
}

bool AnyExpired(const Fleet& fleet, WallTime now) {
  for (const NodeAttestation& attestation : fleet.attestations) {
    if (attestation.status.summary == "Trusted" && attestation.status.expiration_time &&
        *attestation.status.expiration_time < now) {
      return true;
    }
  }
  return false;
}

ordered_json Hints(const ordered_json& view, const Fleet& fleet, WallTime now) {
  ordered_json hints = ordered_json::array();
  const auto first = [&](const char* list) {
    return view[list].front()["name"].get<std::string>();
  };
  if (AnyExpired(fleet, now)) {
    hints.push_back(
        "Some nodes are Trusted although their evidence has expired: no controller seems to run.");
  }
  if (!view["untrusted"].empty()) {
    hints.push_back(
        fmt::format("Why a node is untrusted: kubectl plimsoll explain {}", first("untrusted")));
  }
  if (!view["pendingIdentities"].empty()) {
    hints.push_back(
        fmt::format("Compare a pending TPM with your inventory, then: kubectl plimsoll approve {} "
                    "--reason TEXT",
                    first("pendingIdentities")));
  }
  bool enforces = false;
  for (const PolicyRecord& policy : fleet.policies) {
    enforces = enforces || policy.policy.mode != policy::Mode::kAudit;
  }
  if (!enforces && !fleet.attestations.empty()) {
    hints.push_back(
        "No policy enforces anything yet. kubectl plimsoll cohorts shows what nodes have in "
        "common, "
        "kubectl plimsoll baseline NODE makes a policy of a good one.");
  }
  if (fleet.attestations.empty()) {
    hints.push_back("There is no NodeAttestation yet: do controller and agents run?");
  }
  return hints;
}

}  // namespace

std::vector<std::string> StalenessOf(const ReferenceRecord& set, WallTime now) {
  std::vector<std::string> why;
  const auto today = std::chrono::floor<std::chrono::seconds>(now);
  if (!set.values.problem.empty()) {
    why.push_back("cannot be read: " + set.values.problem);
  }
  if (set.values.state != policy::ReferenceState::kActive) {
    why.push_back(set.values.state == policy::ReferenceState::kRevoked
                      ? "revoked: what it lists fails"
                      : "deprecated");
  }
  if (set.values.not_before && *set.values.not_before > today) {
    why.push_back("not before " + FormatTime(*set.values.not_before));
  }
  if (set.values.not_after && *set.values.not_after < today) {
    why.push_back("ended on " + FormatTime(*set.values.not_after));
  }
  const bool revoked = set.values.state == policy::ReferenceState::kRevoked;
  if (set.reported && set.matched_nodes == 0 && !revoked) {
    why.push_back(set.policy_names.empty() ? "no policy names it" : "no node matches it");
  }
  return why;
}

ordered_json NodeRows(const Fleet& fleet) {
  ordered_json rows = ordered_json::array();
  for (const NodeAttestation& attestation : fleet.attestations) {
    rows.push_back(NodeRow(attestation));
  }
  return rows;
}

ordered_json StatusView(const Fleet& fleet, WallTime now) {
  ordered_json view = {{"time", FormatTime(now)}};
  ordered_json untrusted = Selected(fleet, "Untrusted");
  ordered_json unknown = Selected(fleet, "Unknown");
  view["nodes"] = {{"total", fleet.attestations.size()},
                   {"trusted", fleet.attestations.size() - untrusted.size() - unknown.size()},
                   {"untrusted", untrusted.size()},
                   {"unknown", unknown.size()}};
  view["untrusted"] = std::move(untrusted);
  view["unknown"] = std::move(unknown);
  view["unattested"] = Unattested(fleet);
  view["pendingIdentities"] = PendingIdentities(fleet);
  view["policies"] = Policies(fleet);
  view["staleReferences"] = StaleReferences(fleet, now);
  view["authorities"] = Authorities(fleet, now);
  view["exceptions"] = ActiveExceptions(fleet, now);
  view["problems"] = fleet.problems;
  view["hints"] = Hints(view, fleet, now);
  return view;
}

}  // namespace plimsoll::plugin
