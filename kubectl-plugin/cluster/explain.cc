#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

std::string TextOf(const ordered_json& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_string() ? "" : found->get<std::string>();
}

std::string Ago(const ordered_json& from, const char* key, WallTime now) {
  const auto time = ParseTime(TextOf(from, key));
  return time ? Age(*time, now) : "";
}

class Screen {
 public:
  Screen(const ordered_json& view, const Surroundings& surroundings)
      : view_(view), now_(surroundings.clock.Wall()), out_(surroundings.out) {}

  void Print() {
    PrintVerdict();
    PrintPolicies();
    PrintMarks();
    PrintIdentity();
    PrintTransitions();
    if (!view_["whatToDo"].empty()) {
      out_.Line();
      out_.Line("WHAT TO DO");
      for (const ordered_json& advice : view_["whatToDo"]) {
        out_.Line("  " + advice.get<std::string>());
      }
    }
  }

 private:
  void Field(std::string_view name, const std::string& value) {
    if (!value.empty()) {
      out_.Line(fmt::format("{:<11}{}", name, value));
    }
  }

  void PrintVerdict() {
    Field("NODE", TextOf(view_, "node"));
    const std::string since = Ago(view_, "since", now_);
    Field("VERDICT", TextOf(view_, "verdict") + (since.empty() ? "" : " for " + since));
    Field("REASON", TextOf(view_, "reason"));
    Field("MESSAGE", TextOf(view_, "message"));
    const std::string verified = Ago(view_, "lastVerified", now_);
    const auto expires = ParseTime(TextOf(view_, "expires"));
    Field(
        "EVIDENCE",
        verified.empty()
            ? "none yet"
            : fmt::format("verified {} ago{}", verified,
                          expires ? fmt::format("; {} {}", *expires < now_ ? "expired" : "expires",
                                                Until(*expires, now_))
                                  : ""));
    if (const std::string problem = TextOf(view_, "factsProblem"); !problem.empty()) {
      Field("FACTS", "cannot be read: " + problem);
    }
  }

  void PrintViolation(const ordered_json& violation) {
    const std::string reason = TextOf(violation, "reason");
    out_.Line(fmt::format("  {:<4} {}: {}", TextOf(violation, "check"),
                          reason.empty() ? "remark" : reason, TextOf(violation, "message")));
    std::string where;
    if (violation.contains("pcr")) {
      where = fmt::format("PCR {}", violation["pcr"].get<int64_t>());
    }
    if (violation.contains("event")) {
      const ordered_json& event = violation["event"];
      where += fmt::format("{}event {}", where.empty() ? "" : ", ", event["index"].get<int64_t>());
      for (const char* part : {"type", "role", "path", "commandLine"}) {
        const std::string text = TextOf(event, part);
        where += text.empty() ? "" : " " + text;
      }
    }
    Detail("at", where);
    Detail("measured", TextOf(violation, "observed"));
    const std::string closest = TextOf(violation, "closest");
    const std::string wanted = TextOf(violation, "expected");
    Detail("wanted",
           wanted.empty() && !closest.empty()
               ? "what ReferenceValues " + closest + " accepts"
               : wanted + (closest.empty() ? "" : "  (closest: ReferenceValues " + closest + ")"));
  }
  void Detail(std::string_view name, const std::string& value) {
    if (!value.empty()) {
      out_.Line(fmt::format("       {:<9} {}", name, value));
    }
  }

  void PrintPolicies() {
    out_.Line();
    if (view_["policies"].empty()) {
      out_.Line("POLICIES   none selects this node");
    }
    for (const ordered_json& policy : view_["policies"]) {
      out_.Line(fmt::format("POLICY     {} ({}): {}, {}", TextOf(policy, "name"),
                            TextOf(policy, "mode"), TextOf(policy, "result"),
                            TextOf(policy, "reason")));
      std::string sets;
      for (const ordered_json& set : policy["referenceValues"]) {
        sets += (sets.empty() ? "" : ", ") + set.get<std::string>();
      }
      if (!sets.empty()) {
        out_.Line("  matches ReferenceValues " + sets);
      }
      for (const ordered_json& violation : policy["violations"]) {
        PrintViolation(violation);
      }
    }
  }

  void PrintMarks() {
    const ordered_json& marks = view_["marks"];
    const auto shown = [&](const char* key) {
      const std::string text = TextOf(marks, key);
      return text.empty() ? std::string("none") : text;
    };
    out_.Line();
    Field("MARKS", marks.contains("recorded")
                       ? "as the controller last saw them (you may not read Nodes)"
                       : "on the Node");
    out_.Line(fmt::format("  label      {}", shown("label")));
    out_.Line(fmt::format("  taint      {}", shown("taint")));
    if (marks.contains("condition")) {
      out_.Line(fmt::format("  condition  {}", shown("condition")));
    }
    if (const std::string why = TextOf(marks, "withheldBecause"); !why.empty()) {
      out_.Line(fmt::format("  The taint is withheld ({}): {}", TextOf(marks, "withheldBy"), why));
    }
    for (const ordered_json& exception : view_["exceptions"]) {
      out_.Line(fmt::format("  AttestationException {} covers this node: {}",
                            TextOf(exception, "name"), TextOf(exception, "reason")));
    }
  }

  void PrintIdentity() {
    const ordered_json& identity = view_["identity"];
    out_.Line();
    if (identity.is_null()) {
      Field("IDENTITY", "none, or you may not read TPMIdentities");
      return;
    }
    Field("IDENTITY",
          fmt::format("{}: {}{}", TextOf(identity, "name"), TextOf(identity, "decision"),
                      identity["admitted"].get<bool>() ? ", admitted" : ", not admitted"));
    if (const std::string why = TextOf(identity, "decisionReason"); !why.empty()) {
      out_.Line("  decided because   " + why);
    }
    for (const ordered_json& admission : identity["admissions"]) {
      const std::string ref = TextOf(admission, "ref");
      out_.Line(fmt::format("  admitted by       {}{}", TextOf(admission, "by"),
                            ref.empty() ? "" : " (" + ref + ")"));
    }
    const std::string tpm = TextOf(identity, "manufacturer");
    const std::string firmware = TextOf(identity, "firmwareVersion");
    if (!tpm.empty() || !firmware.empty()) {
      out_.Line(fmt::format("  TPM               {} firmware {}", tpm, firmware));
    }
    for (const ordered_json& concern : identity["concerns"]) {
      out_.Line(fmt::format("  {:<17} {}: {}", TextOf(concern, "type"), TextOf(concern, "reason"),
                            TextOf(concern, "message")));
    }
    if (identity.contains("lastFailure")) {
      const ordered_json& failure = identity["lastFailure"];
      out_.Line(fmt::format("  last failure      {} {} ago", TextOf(failure, "reason"),
                            Ago(failure, "time", now_)));
    }
  }

  void PrintTransitions() {
    if (view_["transitions"].empty()) {
      return;
    }
    out_.Line();
    out_.Line("HISTORY");
    for (const ordered_json& transition : view_["transitions"]) {
      out_.Line(fmt::format("  {:<6} {} -> {}: {}", Ago(transition, "time", now_) + " ago",
                            TextOf(transition, "from"), TextOf(transition, "to"),
                            TextOf(transition, "reason")));
    }
  }

  const ordered_json& view_;
  const WallTime now_;
  Printer out_;
};

int ExitCodeOf(const std::string& verdict) {
  if (verdict == "Trusted") {
    return kExitTrusted;
  }
  return verdict == "Untrusted" ? kExitUntrusted : kExitUnknown;
}

}  // namespace

int Explain(const ExplainOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto text = connection->client().Get({kube::kNodeAttestation, options.node});
  if (!text) {
    const bool absent = text.error().code == ErrorCode::kNotFound;
    return Failed(absent ? Error{ErrorCode::kNotFound,
                                 text.error().message +
                                     " (the controller makes one for every Node: is there such a "
                                     "Node, and does the controller run?)"}
                         : text.error(),
                  surroundings);
  }
  auto attestation = api::NodeAttestation::Parse(*text);
  if (!attestation) {
    return Failed(attestation.error(), surroundings);
  }
  if (!options.policy.empty()) {
    std::erase_if(attestation->status.policies,
                  [&](const api::PolicyResult& result) { return result.name != options.policy; });
    if (attestation->status.policies.empty()) {
      return Failed({ErrorCode::kNotFound, fmt::format("policy {} does not select node {}",
                                                       options.policy, options.node)},
                    surroundings);
    }
  }
  const auto fleet = ReadFleet(*connection);
  if (!fleet) {
    return Failed(fleet.error(), surroundings);
  }
  const ordered_json view =
      ExplainView(*attestation, *fleet, options.keys, surroundings.clock.Wall());
  if (options.format == Format::kTable) {
    Screen(view, surroundings).Print();
  } else {
    PrintDocument(view, options.format, surroundings);
  }
  return ExitCodeOf(attestation->status.summary);
}

}  // namespace plimsoll::plugin
