#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/what_if_view.h"
#include "kubectl-plugin/files.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

std::string TextOf(const ordered_json& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_string() ? "" : found->get<std::string>();
}

void PrintPolicy(const ordered_json& policy, const Surroundings& surroundings) {
  Printer out(surroundings.out);
  const auto count = [&](const char* key) { return policy[key].get<int64_t>(); };
  out.Line(fmt::format("POLICY {} ({}, {}): {} matched, {} passing, {} failing, {} unknown",
                       TextOf(policy, "name"), TextOf(policy, "mode"), TextOf(policy, "change"),
                       count("matched"), count("passing"), count("failing"), count("unknown")));
  if (policy.contains("problem")) {
    out.Line("  not ready: " + TextOf(policy, "problem"));
  }
  for (const ordered_json& node : policy["nodes"]) {
    const std::string message = TextOf(node, "message");
    out.Line(fmt::format("  {} {}: {}{}", TextOf(node, "result"), TextOf(node, "name"),
                         TextOf(node, "reason"), message.empty() ? "" : ": " + message));
  }
  out.Line();
}

void PrintTable(const ordered_json& view, const Surroundings& surroundings) {
  Printer out(surroundings.out);
  for (const ordered_json& policy : view["policies"]) {
    PrintPolicy(policy, surroundings);
  }
  if (view["changes"].empty()) {
    out.Line("No node's verdict would change.");
  } else {
    out.Line("VERDICTS THAT WOULD CHANGE");
    for (const ordered_json& change : view["changes"]) {
      out.Line(fmt::format("  {}: {} -> {}: {}: {}", TextOf(change, "node"), TextOf(change, "from"),
                           TextOf(change, "to"), TextOf(change, "reason"),
                           TextOf(change, "message")));
    }
  }
  if (!view["withoutFacts"].empty()) {
    out.Line();
    out.Line(fmt::format("{} nodes are left out, since nothing is proven of them; {} is one",
                         view["withoutFacts"].size(),
                         view["withoutFacts"].front().get<std::string>()));
  }
  for (const ordered_json& note : view["notes"]) {
    out.Line();
    out.Line("NOTE " + note.get<std::string>());
  }
}

bool AnyHarm(const ordered_json& view) {
  for (const ordered_json& policy : view["policies"]) {
    if (policy["failing"].get<int64_t>() > 0 || policy.contains("problem")) {
      return true;
    }
  }
  return std::any_of(view["changes"].begin(), view["changes"].end(),
                     [](const ordered_json& change) { return change["to"] != "Trusted"; });
}

}  // namespace

int WhatIf(const WhatIfOptions& options, const Surroundings& surroundings) {
  auto proposed = ReadPolicyObjects(options.files, AllowListFiles::kAssumed, surroundings);
  if (!proposed) {
    return Unusable(proposed.error(), surroundings);
  }
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto fleet = ReadFleet(*connection, api::NodeAttestation::Boot::kKeep);
  if (!fleet) {
    return Failed(fleet.error(), surroundings);
  }
  Printer err(surroundings.err);
  for (const std::string& problem : fleet->problems) {
    err.Line(problem);
  }
  if (!fleet->nodes) {
    return Failed(
        {ErrorCode::kDenied, "policies select nodes by their labels, and you may not list Nodes"},
        surroundings);
  }
  const ordered_json view = WhatIfView(*fleet, *std::move(proposed), surroundings.clock.Wall());
  if (options.format == Format::kTable) {
    PrintTable(view, surroundings);
  } else {
    PrintDocument(view, options.format, surroundings);
  }
  return AnyHarm(view) ? kExitUntrusted : kExitTrusted;
}

}  // namespace plimsoll::plugin
