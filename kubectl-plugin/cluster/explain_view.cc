#include "kubectl-plugin/cluster/explain_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/stored_facts.h"
#include "kubectl-plugin/cluster/advice.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using api::NodeAttestation;
using api::NodeAttestationStatus;
using nlohmann::ordered_json;

constexpr std::string_view kExceptionPrefix = "AttestationException/";
constexpr std::string_view kRolloutPrefix = "StagedRollout/";

void PutTime(ordered_json& to, const char* key, const std::optional<WallTime>& time) {
  if (time) {
    to[key] = FormatTime(*time);
  }
}

void PutText(ordered_json& to, const char* key, const std::string& text) {
  if (!text.empty()) {
    to[key] = text;
  }
}

// What the boot log says of one of its events: components have a path and a role.
void AddEvent(ordered_json& violation, const api::Violation& from,
              const std::optional<appraisal::BootEvidence>& boot) {
  if (!from.event) {
    return;
  }
  ordered_json event = {{"index", *from.event}};
  PutText(event, "type", from.event_type);
  if (boot && boot->facts && from.event_type != "ima-ng" && from.event_type != "ima-sig") {
    for (const eventlog::Component& component : boot->facts->components.items) {
      if (component.event == *from.event) {
        event["role"] = eventlog::ToString(component.role);
        PutText(event, "path", component.name);
      }
    }
    for (const eventlog::CommandLine& line : boot->facts->command_lines.items) {
      if (line.event == *from.event) {
        PutText(event, "commandLine", line.text);
      }
    }
  }
  violation["event"] = std::move(event);
}

ordered_json PoliciesOf(const NodeAttestationStatus& status,
                        const std::optional<appraisal::BootEvidence>& boot) {
  ordered_json policies = ordered_json::array();
  for (const api::PolicyResult& policy : status.policies) {
    ordered_json violations = ordered_json::array();
    for (const api::Violation& from : policy.violations) {
      ordered_json violation = {{"check", from.check}};
      PutText(violation, "reason", from.reason);
      if (from.pcr) {
        violation["pcr"] = *from.pcr;
      }
      AddEvent(violation, from, boot);
      PutText(violation, "observed", from.observed);
      PutText(violation, "expected", from.expected);
      PutText(violation, "closest", from.closest);
      violation["message"] = from.message;
      violations.push_back(std::move(violation));
    }
    policies.push_back({{"name", policy.name},
                        {"mode", policy.mode},
                        {"result", policy.result},
                        {"reason", policy.reason},
                        {"referenceValues", policy.reference_values},
                        {"violations", std::move(violations)}});
  }
  return policies;
}

ordered_json MarksOf(const NodeAttestation& attestation, const Fleet& fleet,
                     const MarkKeyOptions& keys, WallTime now) {
  const NodeAttestationStatus& status = attestation.status;
  ordered_json marks = ordered_json::object();
  if (const api::Node* node = fleet.Node(attestation.meta.name)) {
    const auto label = node->meta.labels.find(keys.label);
    marks["label"] = label == node->meta.labels.end() ? "" : label->second;
    std::string taints;
    for (const api::Taint& taint : node->taints) {
      if (taint.key == keys.taint) {
        taints += (taints.empty() ? "" : ", ") +
                  fmt::format("{}={}:{}", taint.key, taint.value, taint.effect);
      }
    }
    marks["taint"] = taints;
    const api::Condition* condition = api::Find(node->conditions, keys.condition);
    marks["condition"] = condition == nullptr ? ""
                                              : fmt::format("{}={}", keys.condition,
                                                            api::ToString(condition->status));
  } else {
    marks["recorded"] = true;  // what the controller last saw, not the Node itself
    marks["label"] = status.enforced_label;
    marks["taint"] = status.enforced_taint;
  }
  PutText(marks, "withheldBy", status.withheld_by);
  PutText(marks, "withheldBecause", WhyWithheld(status.withheld_by, fleet, now));
  return marks;
}

ordered_json IdentityOf(const NodeAttestation& attestation, const Fleet& fleet) {
  const api::TpmIdentity* found = fleet.Identity(attestation.status.tpm_identity);
  if (found == nullptr) {
    return nullptr;
  }
  ordered_json identity = {{"name", found->meta.name},
                           {"decision", api::ToString(found->decision)},
                           {"admitted", found->Admitted()}};
  PutText(identity, "decisionReason", found->decision_reason);
  ordered_json admissions = ordered_json::array();
  for (const api::Admission& admission : found->status.admissions) {
    admissions.push_back({{"by", api::ToString(admission.by)}, {"ref", admission.ref}});
  }
  identity["admissions"] = std::move(admissions);
  PutText(identity, "manufacturer",
          found->status.endorsement.manufacturer.empty() ? found->status.tpm.manufacturer
                                                         : found->status.endorsement.manufacturer);
  PutText(identity, "firmwareVersion", found->status.tpm.firmware_version);
  PutText(identity, "authority", found->status.endorsement.authority);
  if (found->status.attestation_key) {
    identity["keyProfile"] = found->status.attestation_key->profile;
  }
  if (found->status.unacknowledged_failure) {
    identity["lastFailure"] = {{"time", FormatTime(found->status.unacknowledged_failure->time)},
                               {"reason", found->status.unacknowledged_failure->reason}};
  }
  ordered_json concerns = ordered_json::array();
  for (const api::Condition& condition : found->status.conditions) {
    const bool bad_when_true = condition.type == "FirmwareWeak";
    const bool bad = condition.status ==
                     (bad_when_true ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse);
    if (bad) {
      concerns.push_back(
          {{"type", condition.type}, {"reason", condition.reason}, {"message", condition.message}});
    }
  }
  identity["concerns"] = std::move(concerns);
  return identity;
}

// Reasons in the order in which they matter: the verdict's own, then those of Audit policies are
// left to the reader.
ordered_json AdviceOf(const NodeAttestation& attestation, const std::string& reason,
                      const Fleet& fleet, WallTime now) {
  ordered_json advice = ordered_json::array();
  const std::string& name = attestation.meta.name;
  const auto parsed = appraisal::ParseReason(reason);
  if (parsed && !AdviceFor(*parsed, name).empty()) {
    advice.push_back(AdviceFor(*parsed, name));
  }
  const api::TpmIdentity* identity = fleet.Identity(attestation.status.tpm_identity);
  const bool untrusted = attestation.status.summary == "Untrusted";
  bool acknowledged = false;
  for (const PolicyRecord& policy : fleet.policies) {
    for (const api::PolicyResult& result : attestation.status.policies) {
      acknowledged =
          acknowledged || (result.uid == policy.meta.uid &&
                           policy.policy.enforcement.recovery == policy::Recovery::kAcknowledged);
    }
  }
  if (untrusted && acknowledged) {
    advice.push_back(fmt::format(
        "A policy of this node asks for a person's word (recovery: Acknowledged): when the node is "
        "good again, kubectl plimsoll acknowledge {}",
        name));
  }
  if (identity != nullptr) {
    const api::Condition* conflict = api::Find(identity->status.conditions, "ConflictFree");
    if (conflict != nullptr && conflict->status == api::ConditionStatus::kFalse) {
      advice.push_back(
          fmt::format("The identity has a conflict ({}): {}", conflict->reason, conflict->message));
    }
  }
  if (attestation.status.summary == "Trusted" && attestation.status.expiration_time &&
      *attestation.status.expiration_time < now) {
    advice.push_back(
        "The last evidence has expired although the verdict still says Trusted: no controller "
        "seems to run. Look at the Deployment plimsoll-controller.");
  }
  return advice;
}

}  // namespace

std::string WhyWithheld(const std::string& withheld_by, const Fleet& fleet, WallTime now) {
  if (withheld_by.empty()) {
    return {};
  }
  if (withheld_by == "BudgetExceeded") {
    return "enforcement.maxUntrusted of a policy is used up: as many other nodes carry the taint "
           "already";
  }
  if (withheld_by.starts_with(kExceptionPrefix)) {
    const std::string name = withheld_by.substr(kExceptionPrefix.size());
    for (const ExceptionRecord& exception : fleet.exceptions) {
      if (exception.meta.name == name) {
        return fmt::format(
            "AttestationException {}: {}{}", name, exception.reason,
            exception.expires_at ? " (ends " + Until(*exception.expires_at, now) + ")" : "");
      }
    }
    return fmt::format("AttestationException {}", name);
  }
  if (withheld_by.starts_with(kRolloutPrefix)) {
    return fmt::format("policy {} is rolled out step by step, and this node's turn has not come",
                       withheld_by.substr(kRolloutPrefix.size()));
  }
  return withheld_by;
}

std::vector<const ExceptionRecord*> ExceptionsOf(const NodeAttestation& attestation,
                                                 const Fleet& fleet, WallTime now) {
  std::vector<const ExceptionRecord*> found;
  for (const ExceptionRecord& exception : fleet.exceptions) {
    const bool named = std::find(exception.node_names.begin(), exception.node_names.end(),
                                 attestation.meta.name) != exception.node_names.end();
    const bool in_force = !exception.expires_at || *exception.expires_at > now;
    const bool used =
        attestation.status.withheld_by == std::string(kExceptionPrefix) + exception.meta.name;
    if ((named && in_force) || used) {
      found.push_back(&exception);
    }
  }
  return found;
}

ordered_json ExplainView(const NodeAttestation& attestation, const Fleet& fleet,
                         const MarkKeyOptions& keys, WallTime now) {
  const NodeAttestationStatus& status = attestation.status;
  const api::Condition* trusted = api::Find(status.conditions, "Trusted");
  const std::string reason = trusted == nullptr ? "" : trusted->reason;
  ordered_json view = {{"node", attestation.meta.name}, {"verdict", status.summary}};
  PutText(view, "reason", reason);
  if (trusted != nullptr) {
    PutText(view, "message", trusted->message);
    view["since"] = FormatTime(trusted->last_transition_time);
  }
  PutTime(view, "lastVerified", status.last_verified_time);
  PutTime(view, "expires", status.expiration_time);
  PutTime(view, "lastTrusted", status.last_trusted_time);
  PutText(view, "bootID", status.boot_id);
  ordered_json conditions = ordered_json::array();
  for (const api::Condition& condition : status.conditions) {
    conditions.push_back({{"type", condition.type},
                          {"status", api::ToString(condition.status)},
                          {"reason", condition.reason},
                          {"message", condition.message},
                          {"since", FormatTime(condition.last_transition_time)}});
  }
  view["conditions"] = std::move(conditions);
  const auto facts = api::StoredFacts(status);
  if (!facts) {
    view["factsProblem"] = facts.error().message;
  }
  view["policies"] =
      PoliciesOf(status, facts ? facts->boot : std::optional<appraisal::BootEvidence>());
  view["marks"] = MarksOf(attestation, fleet, keys, now);
  view["identity"] = IdentityOf(attestation, fleet);
  ordered_json exceptions = ordered_json::array();
  for (const ExceptionRecord* exception : ExceptionsOf(attestation, fleet, now)) {
    ordered_json item = {{"name", exception->meta.name}, {"reason", exception->reason}};
    PutTime(item, "expiresAt", exception->expires_at);
    exceptions.push_back(std::move(item));
  }
  view["exceptions"] = std::move(exceptions);
  ordered_json transitions = ordered_json::array();
  for (const api::Transition& transition : status.transitions) {
    transitions.push_back({{"time", FormatTime(transition.time)},
                           {"from", transition.from},
                           {"to", transition.to},
                           {"reason", transition.reason}});
  }
  view["transitions"] = std::move(transitions);
  view["whatToDo"] = AdviceOf(attestation, reason, fleet, now);
  return view;
}

}  // namespace plimsoll::plugin
