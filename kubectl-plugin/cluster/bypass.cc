#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/pod.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

// A node that must not get new work: since when, and with which taints of ours.
struct BarredNode {
  std::string name;
  std::optional<WallTime> since;
  std::vector<api::Taint> taints;
};

struct Finding {
  const Pod* pod = nullptr;
  const BarredNode* node = nullptr;
  std::string how;  // Toleration, NodeName, StaticPod, Earlier
  std::string sentence;
};

bool HasEnded(const Pod& pod) { return pod.phase == "Succeeded" || pod.phase == "Failed"; }

std::vector<BarredNode> BarredNodes(const Fleet& fleet, const std::string& taint_key) {
  std::vector<BarredNode> barred;
  for (const api::NodeAttestation& attestation : fleet.attestations) {
    BarredNode node{attestation.meta.name, std::nullopt, {}};
    if (const api::Node* object = fleet.Node(node.name)) {
      for (const api::Taint& taint : object->taints) {
        if (taint.key == taint_key) {
          node.taints.push_back(taint);
        }
      }
    }
    if (attestation.status.summary != "Untrusted" && node.taints.empty()) {
      continue;
    }
    if (const auto* trusted = api::Find(attestation.status.conditions, "Trusted")) {
      node.since = trusted->last_transition_time;
    }
    if (node.taints.empty()) {
      node.taints.push_back({taint_key, "", "NoSchedule", ""});  // what would be there
    }
    barred.push_back(std::move(node));
  }
  return barred;
}

// Why a pod is on a node that must not get any. A pod from before the node lost its trust did not
// get past anything.
Finding Judge(const Pod& pod, const BarredNode& node) {
  const bool tolerates =
      std::all_of(node.taints.begin(), node.taints.end(), [&](const api::Taint& taint) {
        return std::any_of(pod.tolerations.begin(), pod.tolerations.end(),
                           [&](const Toleration& t) { return t.Tolerates(taint); });
      });
  if (pod.is_static) {
    return {&pod, &node, "StaticPod", "started from a file on the node, which no taint holds back"};
  }
  if (tolerates) {
    const bool every = std::any_of(pod.tolerations.begin(), pod.tolerations.end(),
                                   [](const Toleration& t) { return t.key.empty(); });
    return {&pod, &node, "Toleration",
            every ? "tolerates every taint" : "tolerates the taint by its key"};
  }
  if (node.since && pod.meta.creation_timestamp > *node.since) {
    return {&pod, &node, "NodeName",
            "was put there by spec.nodeName, past the scheduler, after the node lost its trust"};
  }
  return {&pod, &node, "Earlier", "was there before the node lost its trust"};
}

ordered_json RowOf(const Finding& finding) {
  return {{"node", finding.node->name},
          {"namespace", finding.pod->meta.namespace_name},
          {"pod", finding.pod->meta.name},
          {"owner", finding.pod->owner},
          {"how", finding.how},
          {"message", finding.sentence},
          {"created", FormatTime(finding.pod->meta.creation_timestamp)}};
}

void PrintTable(const std::vector<Finding>& findings, size_t earlier, size_t barred,
                const Surroundings& surroundings) {
  Printer out(surroundings.out);
  if (findings.empty()) {
    out.Line(fmt::format("No pod got past the taint of {} untrusted nodes.", barred));
  } else {
    Table table({"NODE", "NAMESPACE", "POD", "OWNER", "HOW", "AGE"});
    for (const Finding& finding : findings) {
      table.Add({finding.node->name, finding.pod->meta.namespace_name, finding.pod->meta.name,
                 finding.pod->owner, finding.sentence,
                 Age(finding.pod->meta.creation_timestamp, surroundings.clock.Wall())});
    }
    table.Print(surroundings.out);
  }
  if (earlier > 0) {
    out.Line();
    out.Line(
        fmt::format("{} pods were there before (--all shows them). Plimsoll never evicts: "
                    "kubectl drain NODE does.",
                    earlier));
  }
}

}  // namespace

int Bypass(const BypassOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto fleet = ReadFleet(*connection);
  if (!fleet) {
    return Failed(fleet.error(), surroundings);
  }
  const std::vector<BarredNode> barred = BarredNodes(*fleet, options.keys.taint);
  std::vector<std::string> problems = fleet->problems;
  std::vector<Pod> pods;
  for (const BarredNode& node : barred) {
    auto found = connection->ReadAll<Pod>(kube::kPod, Pod::Parse, problems,
                                          {.field_selector = "spec.nodeName=" + node.name});
    if (!found) {
      return Failed(found.error(), surroundings);
    }
    std::move(found->begin(), found->end(), std::back_inserter(pods));
  }
  std::vector<Finding> findings;
  size_t earlier = 0;
  for (const Pod& pod : pods) {
    const auto node = std::find_if(barred.begin(), barred.end(), [&](const BarredNode& other) {
      return other.name == pod.node_name;
    });
    if (node == barred.end() || HasEnded(pod)) {
      continue;
    }
    Finding finding = Judge(pod, *node);
    const bool before = finding.how == "Earlier";
    earlier += before && !options.all ? 1 : 0;
    if (!before || options.all) {
      findings.push_back(std::move(finding));
    }
  }
  for (const std::string& problem : problems) {
    Printer(surroundings.err).Line(problem);
  }
  if (options.format == Format::kTable) {
    PrintTable(findings, earlier, barred.size(), surroundings);
  } else {
    ordered_json rows = ordered_json::array();
    for (const Finding& finding : findings) {
      rows.push_back(RowOf(finding));
    }
    PrintDocument(
        {{"untrustedNodes", barred.size()}, {"earlierPods", earlier}, {"pods", std::move(rows)}},
        options.format, surroundings);
  }
  const bool past = std::any_of(findings.begin(), findings.end(),
                                [](const Finding& finding) { return finding.how != "Earlier"; });
  return past ? kExitUntrusted : kExitTrusted;
}

}  // namespace plimsoll::plugin
