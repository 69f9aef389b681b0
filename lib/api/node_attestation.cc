#include "api/node_attestation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/json_fields.h"
#include "crypto/digest.h"

namespace plimsoll::api {
namespace {

using nlohmann::json;
namespace fields = json_fields;

std::string Canonical(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Violation> ViolationFromJson(const json& entry) {
  Violation violation;
  PLIMSOLL_ASSIGN_OR_RETURN(violation.check, fields::String(entry, "check"));
  PLIMSOLL_ASSIGN_OR_RETURN(violation.reason, fields::String(entry, "reason"));
  if (fields::Has(entry, "pcr")) {
    PLIMSOLL_ASSIGN_OR_RETURN(violation.pcr, fields::Integer(entry, "pcr"));
  }
  if (fields::Has(entry, "event")) {
    PLIMSOLL_ASSIGN_OR_RETURN(violation.event, fields::Integer(entry, "event"));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(violation.event_type, fields::String(entry, "eventType"));
  PLIMSOLL_ASSIGN_OR_RETURN(violation.closest, fields::String(entry, "closest"));
  PLIMSOLL_ASSIGN_OR_RETURN(violation.observed, fields::String(entry, "observed"));
  PLIMSOLL_ASSIGN_OR_RETURN(violation.expected, fields::String(entry, "expected"));
  PLIMSOLL_ASSIGN_OR_RETURN(violation.message, fields::String(entry, "message"));
  return violation;
}

Result<PolicyResult> PolicyFromJson(const json& entry) {
  PolicyResult policy;
  PLIMSOLL_ASSIGN_OR_RETURN(policy.name, fields::String(entry, "name"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.uid, fields::String(entry, "uid"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.observed_generation,
                            fields::Integer(entry, "observedGeneration"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.mode, fields::String(entry, "mode"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.result, fields::String(entry, "result"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.reason, fields::String(entry, "reason"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.held_over, fields::Boolean(entry, "heldOver"));
  PLIMSOLL_ASSIGN_OR_RETURN(policy.judged_time, fields::OptionalTime(entry, "judgedTime"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json violations, fields::List(entry, "violations"));
  for (const json& item : violations) {
    PLIMSOLL_ASSIGN_OR_RETURN(Violation violation, ViolationFromJson(item));
    policy.violations.push_back(std::move(violation));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json rejected, fields::List(entry, "runtimeRejected"));
  for (const json& item : rejected) {
    PLIMSOLL_ASSIGN_OR_RETURN(Violation violation, ViolationFromJson(item));
    policy.runtime_rejected.push_back(std::move(violation));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(policy.reference_values, fields::Texts(entry, "referenceValues"));
  return policy;
}

Result<PcrValue> PcrFromJson(const json& entry) {
  PcrValue pcr;
  PLIMSOLL_ASSIGN_OR_RETURN(pcr.bank, fields::String(entry, "bank"));
  PLIMSOLL_ASSIGN_OR_RETURN(pcr.index, fields::Integer(entry, "index"));
  PLIMSOLL_ASSIGN_OR_RETURN(pcr.digest, fields::String(entry, "digest"));
  PLIMSOLL_ASSIGN_OR_RETURN(pcr.result, fields::String(entry, "result"));
  return pcr;
}

Result<TpmClock> ClockFromJson(const json& object) {
  TpmClock clock;
  PLIMSOLL_ASSIGN_OR_RETURN(clock.clock, fields::Integer(object, "clock"));
  PLIMSOLL_ASSIGN_OR_RETURN(clock.reset_count, fields::Integer(object, "resetCount"));
  PLIMSOLL_ASSIGN_OR_RETURN(clock.restart_count, fields::Integer(object, "restartCount"));
  PLIMSOLL_ASSIGN_OR_RETURN(clock.safe, fields::Boolean(object, "safe"));
  PLIMSOLL_ASSIGN_OR_RETURN(clock.unexplained_reset, fields::Boolean(object, "unexplainedReset"));
  PLIMSOLL_ASSIGN_OR_RETURN(clock.firmware_version, fields::String(object, "firmwareVersion"));
  return clock;
}

Result<ImaRecord> ImaFromJson(const json& object) {
  ImaRecord ima;
  PLIMSOLL_ASSIGN_OR_RETURN(ima.entries, fields::Integer(object, "entries"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.bank, fields::String(object, "bank"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.digest, fields::String(object, "digest"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.violations, fields::Integer(object, "violations"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.boot_aggregate, fields::String(object, "bootAggregate"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.begun, fields::Boolean(object, "begun"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.kexec_pending, fields::Boolean(object, "kexecPending"));
  PLIMSOLL_ASSIGN_OR_RETURN(ima.rules, fields::String(object, "rules"));
  return ima;
}

json ToJson(const ImaRecord& ima) {
  json object = {{"entries", ima.entries},
                 {"violations", ima.violations},
                 {"begun", ima.begun},
                 {"kexecPending", ima.kexec_pending}};
  fields::PutText(object, "bank", ima.bank);
  fields::PutText(object, "digest", ima.digest);
  fields::PutText(object, "bootAggregate", ima.boot_aggregate);
  fields::PutText(object, "rules", ima.rules);
  return object;
}

Result<Transition> TransitionFromJson(const json& entry) {
  Transition transition;
  PLIMSOLL_ASSIGN_OR_RETURN(transition.time, fields::Time(entry, "time"));
  PLIMSOLL_ASSIGN_OR_RETURN(transition.from, fields::String(entry, "from"));
  PLIMSOLL_ASSIGN_OR_RETURN(transition.to, fields::String(entry, "to"));
  PLIMSOLL_ASSIGN_OR_RETURN(transition.reason, fields::String(entry, "reason"));
  return transition;
}

Result<Failure> FailureFromJson(const json& object) {
  Failure failure;
  PLIMSOLL_ASSIGN_OR_RETURN(failure.time, fields::Time(object, "time"));
  PLIMSOLL_ASSIGN_OR_RETURN(failure.reason, fields::String(object, "reason"));
  PLIMSOLL_ASSIGN_OR_RETURN(failure.inputs, fields::String(object, "inputs"));
  PLIMSOLL_ASSIGN_OR_RETURN(failure.reset_count, fields::Integer(object, "resetCount", -1));
  PLIMSOLL_ASSIGN_OR_RETURN(failure.restart_count, fields::Integer(object, "restartCount", -1));
  return failure;
}

json ToJson(const Failure& failure) {
  json object = {{"time", FormatTime(failure.time)}, {"reason", failure.reason}};
  fields::PutText(object, "inputs", failure.inputs);
  if (failure.reset_count >= 0) {
    object["resetCount"] = failure.reset_count;
    object["restartCount"] = failure.restart_count;
  }
  return object;
}

Result<NodeAttestationStatus> StatusFromJson(const json& object, NodeAttestation::Boot boot) {
  NodeAttestationStatus status;
  PLIMSOLL_ASSIGN_OR_RETURN(status.summary, fields::String(object, "summary", "Unknown"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.node_uid, fields::String(object, "nodeUID"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.boot_id, fields::String(object, "bootID"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.tpm_identity, fields::String(object, "tpmIdentity"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.last_verified_time,
                            fields::OptionalTime(object, "lastVerifiedTime"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.last_trusted_time,
                            fields::OptionalTime(object, "lastTrustedTime"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.expiration_time, fields::OptionalTime(object, "expirationTime"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.consecutive_failures,
                            fields::Integer(object, "consecutiveFailures"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.inputs, fields::String(object, "inputs"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.failed_policies, fields::String(object, "failedPolicies"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json policies, fields::List(object, "policies"));
  for (const json& entry : policies) {
    PLIMSOLL_ASSIGN_OR_RETURN(PolicyResult policy, PolicyFromJson(entry));
    status.policies.push_back(std::move(policy));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json pcrs, fields::List(object, "pcrs"));
  for (const json& entry : pcrs) {
    PLIMSOLL_ASSIGN_OR_RETURN(PcrValue pcr, PcrFromJson(entry));
    status.pcrs.push_back(std::move(pcr));
  }
  if (fields::Has(object, "clock")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json clock, fields::Object(object, "clock"));
    PLIMSOLL_ASSIGN_OR_RETURN(status.clock, ClockFromJson(clock));
  }
  if (fields::Has(object, "boot")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json record, fields::Object(object, "boot"));
    status.boot = BootRecord::Of(Canonical(record));
    if (boot == NodeAttestation::Boot::kDrop) {
      status.boot.json.clear();
      status.boot.json.shrink_to_fit();
    }
  }
  if (fields::Has(object, "ima")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json ima, fields::Object(object, "ima"));
    PLIMSOLL_ASSIGN_OR_RETURN(status.ima, ImaFromJson(ima));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json enforcement, fields::Object(object, "enforcement"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.enforced_label, fields::String(enforcement, "label"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.enforced_taint, fields::String(enforcement, "taint"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.withheld_by, fields::String(enforcement, "withheldBy"));
  if (fields::Has(object, "failure")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json failure, fields::Object(object, "failure"));
    PLIMSOLL_ASSIGN_OR_RETURN(status.failure, FailureFromJson(failure));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json transitions, fields::List(object, "transitions"));
  for (const json& entry : transitions) {
    PLIMSOLL_ASSIGN_OR_RETURN(Transition transition, TransitionFromJson(entry));
    status.transitions.push_back(std::move(transition));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json conditions, fields::List(object, "conditions"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.conditions, ConditionsFromJson(conditions));
  return status;
}

json ToJson(const std::vector<Violation>& violations) {
  json list = json::array();
  for (const Violation& violation : violations) {
    json entry = {{"check", violation.check}, {"message", violation.message}};
    fields::PutText(entry, "reason", violation.reason);
    if (violation.pcr) {
      entry["pcr"] = *violation.pcr;
    }
    if (violation.event) {
      entry["event"] = *violation.event;
    }
    fields::PutText(entry, "eventType", violation.event_type);
    fields::PutText(entry, "observed", violation.observed);
    fields::PutText(entry, "expected", violation.expected);
    fields::PutText(entry, "closest", violation.closest);
    list.push_back(std::move(entry));
  }
  return list;
}

json ToJson(const PolicyResult& policy) {
  json entry = {{"name", policy.name},
                {"uid", policy.uid},
                {"observedGeneration", policy.observed_generation},
                {"mode", policy.mode},
                {"result", policy.result},
                {"reason", policy.reason},
                {"violations", ToJson(policy.violations)}};
  if (!policy.runtime_rejected.empty()) {
    entry["runtimeRejected"] = ToJson(policy.runtime_rejected);
  }
  fields::PutTime(entry, "judgedTime", policy.judged_time);
  if (policy.held_over) {
    entry["heldOver"] = true;
  }
  if (!policy.reference_values.empty()) {
    entry["referenceValues"] = policy.reference_values;
  }
  return entry;
}

json ToJson(const NodeAttestationStatus& status) {
  json object = {{"summary", status.summary}, {"consecutiveFailures", status.consecutive_failures}};
  fields::PutText(object, "nodeUID", status.node_uid);
  fields::PutText(object, "bootID", status.boot_id);
  fields::PutText(object, "tpmIdentity", status.tpm_identity);
  fields::PutTime(object, "lastVerifiedTime", status.last_verified_time);
  fields::PutTime(object, "lastTrustedTime", status.last_trusted_time);
  fields::PutTime(object, "expirationTime", status.expiration_time);
  fields::PutText(object, "inputs", status.inputs);
  object["failedPolicies"] = status.failed_policies;
  json policies = json::array();
  for (const PolicyResult& policy : status.policies) {
    policies.push_back(ToJson(policy));
  }
  object["policies"] = std::move(policies);
  json pcrs = json::array();
  for (const PcrValue& pcr : status.pcrs) {
    json entry = {{"bank", pcr.bank}, {"index", pcr.index}, {"digest", pcr.digest}};
    fields::PutText(entry, "result", pcr.result);
    pcrs.push_back(std::move(entry));
  }
  object["pcrs"] = std::move(pcrs);
  if (status.clock) {
    object["clock"] = {{"clock", status.clock->clock},
                       {"resetCount", status.clock->reset_count},
                       {"restartCount", status.clock->restart_count},
                       {"safe", status.clock->safe},
                       {"unexplainedReset", status.clock->unexplained_reset},
                       {"firmwareVersion", status.clock->firmware_version}};
  }
  if (!status.boot.json.empty()) {
    object["boot"] = json::parse(status.boot.json, nullptr, false);
  }
  if (status.ima) {
    object["ima"] = ToJson(*status.ima);
  }
  json enforcement = json::object();
  fields::PutText(enforcement, "label", status.enforced_label);
  fields::PutText(enforcement, "taint", status.enforced_taint);
  fields::PutText(enforcement, "withheldBy", status.withheld_by);
  object["enforcement"] = std::move(enforcement);
  if (status.failure) {
    object["failure"] = ToJson(*status.failure);
  }
  json transitions = json::array();
  for (const Transition& transition : status.transitions) {
    transitions.push_back({{"time", FormatTime(transition.time)},
                           {"from", transition.from},
                           {"to", transition.to},
                           {"reason", transition.reason}});
  }
  object["transitions"] = std::move(transitions);
  object["conditions"] = api::ToJson(status.conditions);
  return object;
}

// The merge patch (RFC 7386) that makes `after` of `before`.
json MergeDifference(const json& before, const json& after) {
  json patch = json::object();
  for (const auto& [key, value] : after.items()) {
    const auto old = before.find(key);
    if (old == before.end()) {
      patch[key] = value;
    } else if (*old != value) {
      patch[key] = old->is_object() && value.is_object() ? MergeDifference(*old, value) : value;
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) {
      patch[key] = nullptr;
    }
  }
  return patch;
}

json Frame(const kube::ObjectMeta& meta) {
  return {{"apiVersion", "plimsoll.dev/v1alpha1"},
          {"kind", "NodeAttestation"},
          {"metadata",
           {{"name", meta.name}, {"uid", meta.uid}, {"resourceVersion", meta.resource_version}}}};
}

}  // namespace

BootRecord BootRecord::Of(std::string text) {
  BootRecord record;
  record.digest = crypto::Sha256Hex(AsBytes(text));
  record.json = std::move(text);
  return record;
}

Result<NodeAttestation> NodeAttestation::Parse(std::string_view text, Boot boot) {
  NodeAttestation attestation;
  PLIMSOLL_ASSIGN_OR_RETURN(attestation.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json metadata, fields::Object(object, "metadata"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json owners, fields::List(metadata, "ownerReferences"));
  for (const json& owner : owners) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string kind, fields::String(owner, "kind"));
    if (kind == "Node") {
      PLIMSOLL_ASSIGN_OR_RETURN(attestation.owner_uid, fields::String(owner, "uid"));
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json status, fields::Object(object, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(attestation.status, StatusFromJson(status, boot));
  return attestation;
}

bool NodeAttestation::ReattestationIsDue(WallTime now) const {
  const auto found = meta.annotations.find("plimsoll.dev/reattest-requested-at");
  if (found == meta.annotations.end()) {
    return false;
  }
  const auto asked = ParseTime(found->second);
  return asked && *asked <= now &&
         (!status.last_verified_time || *asked > *status.last_verified_time);
}

std::string NodeAttestation::EncodeForCreate(std::string_view node_name,
                                             std::string_view node_uid) {
  return json{
      {"apiVersion", "plimsoll.dev/v1alpha1"},
      {"kind", "NodeAttestation"},
      {"metadata",
       {{"name", node_name},
        {"ownerReferences",
         json::array(
             {{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node_name}, {"uid", node_uid}}})}}}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string NodeAttestation::EncodeForStatusUpdate() const {
  json body = Frame(meta);
  body["status"] = ToJson(status);
  return Canonical(body);
}

std::string NodeAttestation::EncodeForStatusPatch(const NodeAttestationStatus& before) const {
  json old = ToJson(before);
  json wanted = ToJson(status);
  old.erase("boot");
  wanted.erase("boot");
  json body = Frame(meta);
  body["status"] = MergeDifference(old, wanted);
  return Canonical(body);
}

}  // namespace plimsoll::api
