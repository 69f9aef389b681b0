#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "api/tpm_identity.h"
#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using api::Decision;
using api::TpmIdentity;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kMaxReasonBytes = 1024;

// The identity of that name, or else the one of the node of that name. Of several of a node the one
// that waits for a decision.
Result<TpmIdentity> FindIdentity(Connection& connection, const std::string& subject) {
  const auto named = connection.client().Get({kube::kTpmIdentity, subject});
  if (named) {
    return TpmIdentity::Parse(*named);
  }
  if (named.error().code != ErrorCode::kNotFound) {
    return tl::unexpected(named.error());
  }
  std::vector<std::string> problems;
  PLIMSOLL_ASSIGN_OR_RETURN(
      auto all, connection.ReadAll<TpmIdentity>(kube::kTpmIdentity, TpmIdentity::Parse, problems,
                                                {.field_selector = "spec.nodeName=" + subject}));
  std::erase_if(all, [&](const TpmIdentity& found) { return found.node_name != subject; });
  if (all.empty()) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("there is no TPMIdentity {0}, and none of a node {0}", subject));
  }
  if (all.size() > 1) {
    std::erase_if(all,
                  [](const TpmIdentity& found) { return found.decision != Decision::kPending; });
  }
  if (all.size() != 1) {
    return Fail(ErrorCode::kConflict,
                fmt::format("node {} has several TPMIdentities; name one of them: kubectl get "
                            "tpmidentities --field-selector spec.nodeName={}",
                            subject, subject));
  }
  return all.front();
}

// An approval counts by the generation at which it was given, so that each must change the spec:
// the text is made another where it is the same as before.
std::string ReasonFor(const DecideOptions& options, const TpmIdentity& identity, WallTime now) {
  const std::string stamp = FormatTime(now);
  std::string reason = options.reason.empty()
                           ? fmt::format("{} with kubectl plimsoll at {}",
                                         options.approve ? "approved" : "denied", stamp)
                           : options.reason;
  if (reason == identity.decision_reason) {
    reason += fmt::format(" (again at {})", stamp);
  }
  return reason;
}

Result<std::string> Write(Connection& connection, const DecideOptions& options,
                          const TpmIdentity& identity, const std::string& reason) {
  const json patch = {
      {"metadata",
       {{"uid", identity.meta.uid}, {"resourceVersion", identity.meta.resource_version}}},
      {"spec",
       {{"decision", options.approve ? "Approved" : "Denied"}, {"decisionReason", reason}}}};
  return connection.client().Patch(
      {kube::kTpmIdentity, identity.meta.name}, kube::PatchType::kMerge,
      patch.dump(-1, ' ', false, json::error_handler_t::replace),
      {.field_manager = "kubectl-plimsoll", .dry_run = options.dry_run});
}

// What a person should have seen before they decide.
void Describe(const TpmIdentity& identity, const Surroundings& surroundings) {
  Printer out(surroundings.err);
  const api::Endorsement& endorsement = identity.status.endorsement;
  out.Line(fmt::format(
      "{}: node {}, TPM of {}, firmware {}, EK certificate {}", identity.meta.name,
      identity.node_name,
      endorsement.manufacturer.empty() ? identity.status.tpm.manufacturer
                                       : endorsement.manufacturer,
      identity.status.tpm.firmware_version,
      endorsement.authority.empty() ? "not verified" : "verified by " + endorsement.authority));
  out.Line("  EK SHA-256 " + identity.endorsement_key_sha256);
  const api::Condition* conflict = api::Find(identity.status.conditions, "ConflictFree");
  if (conflict != nullptr && conflict->status == api::ConditionStatus::kFalse) {
    out.Line(fmt::format("  warning: {}: {}", conflict->reason, conflict->message));
  }
}

Status DecideOne(Connection& connection, const DecideOptions& options, const std::string& subject,
                 const Surroundings& surroundings) {
  PLIMSOLL_ASSIGN_OR_RETURN(const TpmIdentity identity, FindIdentity(connection, subject));
  if (identity.decision == Decision::kRevoked) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("TPMIdentity {} is revoked, which is final. To let this TPM in again, "
                            "delete the object (it needs the right `approve`) and let it enrol",
                            identity.meta.name));
  }
  const std::string reason = ReasonFor(options, identity, surroundings.clock.Wall());
  if (reason.size() > kMaxReasonBytes) {
    return Fail(ErrorCode::kTooLarge, "the reason is over 1,024 bytes");
  }
  if (options.format == Format::kTable) {
    Describe(identity, surroundings);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string written,
                            Write(connection, options, identity, reason));
  if (options.format == Format::kTable) {
    Printer(surroundings.out)
        .Line(fmt::format("tpmidentity.plimsoll.dev/{} {}{}", identity.meta.name,
                          options.approve ? "approved" : "denied",
                          options.dry_run ? " (server dry run)" : ""));
    return {};
  }
  ordered_json object = ordered_json::parse(written, nullptr, false);
  if (object.is_object() && object.contains("metadata")) {
    object["metadata"].erase("managedFields");
  }
  PrintDocument(object, options.format, surroundings);
  return {};
}

}  // namespace

int Decide(const DecideOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  int code = kExitTrusted;
  for (const std::string& subject : options.subjects) {
    if (const Status done = DecideOne(*connection, options, subject, surroundings); !done) {
      Error error = done.error();
      if (error.code == ErrorCode::kConflict && error.message.find("409") != std::string::npos) {
        error.message += "; it changed meanwhile: look at it, and say it again";
      }
      code = std::max(code, Failed(error, surroundings));
    }
  }
  return code;
}

}  // namespace plimsoll::plugin
