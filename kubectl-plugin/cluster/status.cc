#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/status_view.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kMargin = "  ";
constexpr size_t kMaxListed = 20;  // of unknown nodes, which after an outage are all

std::string TextOf(const ordered_json& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_string() ? "" : found->get<std::string>();
}

std::string Joined(const ordered_json& texts) {
  std::string joined;
  for (const ordered_json& text : texts) {
    joined += (joined.empty() ? "" : "; ") + text.get<std::string>();
  }
  return joined;
}

class Screen {
 public:
  Screen(const ordered_json& view, const Surroundings& surroundings)
      : view_(view),
        now_(surroundings.clock.Wall()),
        stream_(surroundings.out),
        out_(surroundings.out) {}

  void Print() {
    const ordered_json& nodes = view_["nodes"];
    out_.Line(fmt::format("NODES   {} trusted, {} untrusted, {} unknown",
                          nodes["trusted"].get<size_t>(), nodes["untrusted"].get<size_t>(),
                          nodes["unknown"].get<size_t>()));
    PrintNodes("UNTRUSTED", view_["untrusted"]);
    PrintNodes("UNKNOWN", view_["unknown"]);
    if (!view_["unattested"].empty()) {
      Head("WITHOUT ATTESTATION");
      out_.Line(fmt::format("  {} Node objects have no NodeAttestation, {} for one",
                            view_["unattested"].size(),
                            view_["unattested"].front().get<std::string>()));
    }
    PrintIdentities();
    PrintPolicies();
    PrintReferences();
    PrintAuthorities();
    PrintExceptions();
    PrintLines("COULD NOT BE READ", view_["problems"]);
    PrintLines("NEXT", view_["hints"]);
  }

 private:
  void Head(std::string_view head) {
    out_.Line();
    out_.Line(head);
  }

  std::string Ago(const ordered_json& row, const char* key) const {
    const auto time = ParseTime(TextOf(row, key));
    return time ? Age(*time, now_) : "";
  }

  void PrintNodes(std::string_view head, const ordered_json& rows) {
    if (rows.empty()) {
      return;
    }
    Head(head);
    Table table({"NODE", "REASON", "FAILED-POLICIES", "SINCE", "VERIFIED", "TAINT"});
    size_t listed = 0;
    for (const ordered_json& row : rows) {
      if (++listed > kMaxListed) {
        continue;
      }
      const std::string withheld = TextOf(row, "withheldBy");
      table.Add({TextOf(row, "name"), TextOf(row, "reason"), TextOf(row, "failedPolicies"),
                 Ago(row, "since"), Ago(row, "lastVerified"),
                 withheld.empty() ? TextOf(row, "taint") : "withheld: " + withheld});
    }
    table.Print(stream_, kMargin);
    if (listed > kMaxListed) {
      out_.Line(
          fmt::format("  and {} more: kubectl get nodeattestations --field-selector "
                      "status.summary={}",
                      listed - kMaxListed, head == "UNKNOWN" ? "Unknown" : "Untrusted"));
    }
  }

  void PrintIdentities() {
    if (view_["pendingIdentities"].empty()) {
      return;
    }
    Head("IDENTITIES THAT WAIT FOR A DECISION");
    Table table({"IDENTITY", "NODE", "DECISION", "TPM", "FIRMWARE", "EK-CERT", "AK-BOUND", "AGE"});
    ordered_json conflicts = ordered_json::array();
    for (const ordered_json& row : view_["pendingIdentities"]) {
      table.Add({TextOf(row, "name"), TextOf(row, "node"), TextOf(row, "decision"),
                 TextOf(row, "manufacturer"), TextOf(row, "firmwareVersion"),
                 TextOf(row, "endorsementVerified"),
                 row["keyActivated"].get<bool>() ? "True" : "False", Ago(row, "created")});
      if (row.contains("conflict")) {
        conflicts.push_back(TextOf(row, "name") + ": " + TextOf(row, "conflict"));
      }
    }
    table.Print(stream_, kMargin);
    for (const ordered_json& conflict : conflicts) {
      out_.Line("  conflict: " + conflict.get<std::string>());
    }
  }

  void PrintPolicies() {
    Head("POLICIES");
    if (view_["policies"].empty()) {
      out_.Line("  none");
      return;
    }
    Table table({"POLICY", "MODE", "MATCHED", "PASSING", "FAILING", "UNKNOWN", "READY"});
    for (const ordered_json& row : view_["policies"]) {
      const auto count = [&](const char* key) { return std::to_string(row[key].get<int64_t>()); };
      table.Add({TextOf(row, "name"), TextOf(row, "mode"), count("matched"), count("passing"),
                 count("failing"), count("unknown"), TextOf(row, "ready")});
    }
    table.Print(stream_, kMargin);
    for (const ordered_json& row : view_["policies"]) {
      for (const ordered_json& concern : row["concerns"]) {
        out_.Line(fmt::format("  {}: {}={}: {}", TextOf(row, "name"), TextOf(concern, "type"),
                              TextOf(concern, "reason"), TextOf(concern, "message")));
      }
    }
  }

  void PrintReferences() {
    if (view_["staleReferences"].empty()) {
      return;
    }
    Head("REFERENCE SETS TO LOOK AT");
    Table table({"SET", "STATE", "NODES", "POLICIES", "WHY"});
    for (const ordered_json& row : view_["staleReferences"]) {
      table.Add({TextOf(row, "name"), TextOf(row, "state"),
                 std::to_string(row["matchedNodes"].get<int64_t>()), TextOf(row, "policies"),
                 Joined(row["concerns"])});
    }
    table.Print(stream_, kMargin);
  }

  void PrintAuthorities() {
    if (view_["authorities"].empty()) {
      return;
    }
    Head("ENDORSEMENT AUTHORITIES TO LOOK AT");
    for (const ordered_json& row : view_["authorities"]) {
      out_.Line("  " + TextOf(row, "name") + ": " + Joined(row["concerns"]));
    }
  }

  void PrintExceptions() {
    if (view_["exceptions"].empty()) {
      return;
    }
    Head("EXCEPTIONS IN FORCE");
    Table table({"EXCEPTION", "NODES", "EXPIRES", "REASON"});
    for (const ordered_json& row : view_["exceptions"]) {
      const auto expires = ParseTime(TextOf(row, "expiresAt"));
      table.Add({TextOf(row, "name"), std::to_string(row["nodes"].get<int64_t>()),
                 expires ? Until(*expires, now_) : "never", TextOf(row, "reason")});
    }
    table.Print(stream_, kMargin);
  }

  void PrintLines(std::string_view head, const ordered_json& lines) {
    if (lines.empty()) {
      return;
    }
    Head(head);
    for (const ordered_json& line : lines) {
      out_.Line("  " + line.get<std::string>());
    }
  }

  const ordered_json& view_;
  const WallTime now_;
  std::ostream& stream_;
  Printer out_;
};

}  // namespace

int ClusterStatus(const StatusOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto fleet = ReadFleet(*connection);
  if (!fleet) {
    return Failed(fleet.error(), surroundings);
  }
  const ordered_json view = StatusView(*fleet, surroundings.clock.Wall());
  if (options.format == Format::kTable) {
    Screen(view, surroundings).Print();
  } else {
    PrintDocument(view, options.format, surroundings);
  }
  return view["nodes"]["untrusted"].get<size_t>() == 0 ? kExitTrusted : kExitUntrusted;
}

}  // namespace plimsoll::plugin
