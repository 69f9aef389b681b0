#include "kubectl-plugin/cluster/report_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/stored_facts.h"
#include "kubectl-plugin/cluster/status_view.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

ordered_json Identities(const Fleet& fleet) {
  ordered_json rows = ordered_json::array();
  for (const api::TpmIdentity& identity : fleet.identities) {
    const api::Endorsement& endorsement = identity.status.endorsement;
    std::string admissions;
    for (const api::Admission& admission : identity.status.admissions) {
      admissions += (admissions.empty() ? "" : ", ") + std::string(api::ToString(admission.by));
    }
    rows.push_back(
        {{"name", identity.meta.name},
         {"node", identity.node_name},
         {"decision", api::ToString(identity.decision)},
         {"reason", identity.decision_reason},
         {"admittedBy", admissions},
         {"manufacturer", endorsement.manufacturer.empty() ? identity.status.tpm.manufacturer
                                                           : endorsement.manufacturer},
         {"firmwareVersion", identity.status.tpm.firmware_version},
         {"authority", endorsement.authority},
         {"keyProfile",
          identity.status.attestation_key ? identity.status.attestation_key->profile : ""}});
  }
  return rows;
}

ordered_json References(const Fleet& fleet, WallTime now) {
  ordered_json rows = ordered_json::array();
  for (const ReferenceRecord& set : fleet.references) {
    ordered_json row = {{"name", set.meta.name},
                        {"state", policy::ToString(set.values.state)},
                        {"description", set.values.description},
                        {"matchedNodes", set.matched_nodes},
                        {"policies", set.policy_names},
                        {"concerns", StalenessOf(set, now)}};
    if (set.values.not_after) {
      row["notAfter"] = FormatTime(*set.values.not_after);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// Most nodes first.
ordered_json Counted(const std::map<std::string, int64_t>& counts) {
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  ordered_json rows = ordered_json::array();
  for (const auto& [version, nodes] : sorted) {
    rows.push_back({{"version", version}, {"nodes", nodes}});
  }
  return rows;
}

}  // namespace

ordered_json ReportView(const Fleet& fleet, const MarkKeyOptions& keys, WallTime now) {
  ordered_json view = StatusView(fleet, now);
  view["allNodes"] = NodeRows(fleet);
  ordered_json explanations = ordered_json::array();
  std::map<std::string, int64_t> tpm;
  std::map<std::string, int64_t> boot;
  for (const api::NodeAttestation& attestation : fleet.attestations) {
    if (attestation.status.summary == "Untrusted") {
      explanations.push_back(ExplainView(attestation, fleet, keys, now));
    }
    const api::TpmIdentity* identity = fleet.Identity(attestation.status.tpm_identity);
    if (identity != nullptr) {
      const std::string& by_tpm = identity->status.tpm.firmware_version;
      const std::string& quoted =
          attestation.status.clock ? attestation.status.clock->firmware_version : by_tpm;
      const std::string& manufacturer = identity->status.endorsement.manufacturer.empty()
                                            ? identity->status.tpm.manufacturer
                                            : identity->status.endorsement.manufacturer;
      ++tpm[fmt::format("{} {}", manufacturer, quoted.empty() ? by_tpm : quoted)];
    }
    const auto facts = api::StoredFacts(attestation.status);
    if (facts && facts->boot && facts->boot->facts) {
      const std::string& version = facts->boot->facts->firmware_version;
      ++boot[version.empty() ? "not measured" : version];
    }
  }
  view["explanations"] = std::move(explanations);
  view["identities"] = Identities(fleet);
  view["references"] = References(fleet, now);
  view["tpmFirmware"] = Counted(tpm);
  view["bootFirmware"] = Counted(boot);
  return view;
}

}  // namespace plimsoll::plugin
