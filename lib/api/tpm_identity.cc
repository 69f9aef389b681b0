#include "api/tpm_identity.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/json_fields.h"
#include "base/encoding.h"

namespace plimsoll::api {
namespace {

using nlohmann::json;
namespace fields = json_fields;

constexpr size_t kMaxPublicAreaBytes = 1024;

Result<Admission> AdmissionFromJson(const json& entry) {
  Admission admission;
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string by, fields::String(entry, "by"));
  bool known = false;
  for (const Admission::By each :
       {Admission::By::kHuman, Admission::By::kEndorsementCertificate, Admission::By::kFirstUse}) {
    if (by == ToString(each)) {
      admission.by = each;
      known = true;
    }
  }
  if (!known) {
    return Fail(ErrorCode::kMalformed,
                "admission by none of Human, EndorsementCertificate, FirstUse");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(admission.ref, fields::String(entry, "ref"));
  return admission;
}

Result<Endorsement> EndorsementFromJson(const json& object) {
  Endorsement endorsement;
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.certificate, fields::String(object, "certificate"));
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.chain, fields::Texts(object, "chain"));
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.authority, fields::String(object, "authority"));
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.issuer, fields::String(object, "issuer"));
  if (fields::Has(object, "notAfter")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, fields::String(object, "notAfter"));
    PLIMSOLL_ASSIGN_OR_RETURN(endorsement.not_after, ParseSeconds(text));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.manufacturer, fields::String(object, "manufacturer"));
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.model, fields::String(object, "model"));
  PLIMSOLL_ASSIGN_OR_RETURN(endorsement.version, fields::String(object, "version"));
  return endorsement;
}

Result<TpmDescription> TpmFromJson(const json& object) {
  TpmDescription tpm;
  PLIMSOLL_ASSIGN_OR_RETURN(tpm.manufacturer, fields::String(object, "manufacturer"));
  PLIMSOLL_ASSIGN_OR_RETURN(tpm.vendor, fields::String(object, "vendor"));
  PLIMSOLL_ASSIGN_OR_RETURN(tpm.firmware_version, fields::String(object, "firmwareVersion"));
  PLIMSOLL_ASSIGN_OR_RETURN(tpm.spec_revision, fields::String(object, "specRevision"));
  return tpm;
}

Result<ActivatedKey> KeyFromJson(const json& object) {
  ActivatedKey key;
  PLIMSOLL_ASSIGN_OR_RETURN(key.name, fields::String(object, "name"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string encoded, fields::String(object, "public"));
  PLIMSOLL_ASSIGN_OR_RETURN(key.public_area, FromBase64(encoded, kMaxPublicAreaBytes));
  PLIMSOLL_ASSIGN_OR_RETURN(key.profile, fields::String(object, "profile"));
  PLIMSOLL_ASSIGN_OR_RETURN(key.activated_time, fields::Time(object, "activatedTime"));
  PLIMSOLL_ASSIGN_OR_RETURN(key.endorsement_key_name, fields::String(object, "endorsementKeyName"));
  return key;
}

Result<BootEpoch> EpochFromJson(const json& object) {
  BootEpoch epoch;
  PLIMSOLL_ASSIGN_OR_RETURN(epoch.reset_count, fields::Integer(object, "resetCount"));
  PLIMSOLL_ASSIGN_OR_RETURN(epoch.restart_count, fields::Integer(object, "restartCount"));
  PLIMSOLL_ASSIGN_OR_RETURN(epoch.boot_id, fields::String(object, "bootID"));
  PLIMSOLL_ASSIGN_OR_RETURN(epoch.offset_milliseconds,
                            fields::Integer(object, "offsetMilliseconds"));
  return epoch;
}

Result<Baseline> BaselineFromJson(const json& entry) {
  Baseline baseline;
  PLIMSOLL_ASSIGN_OR_RETURN(baseline.policy_uid, fields::String(entry, "policyUID"));
  PLIMSOLL_ASSIGN_OR_RETURN(baseline.time, fields::OptionalTime(entry, "time"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json pcrs, fields::List(entry, "pcrs"));
  for (const json& item : pcrs) {
    BaselinePcr pcr;
    PLIMSOLL_ASSIGN_OR_RETURN(pcr.bank, fields::String(item, "bank"));
    PLIMSOLL_ASSIGN_OR_RETURN(pcr.index, fields::Integer(item, "index"));
    PLIMSOLL_ASSIGN_OR_RETURN(pcr.digest, fields::String(item, "digest"));
    baseline.pcrs.push_back(std::move(pcr));
  }
  return baseline;
}

json ToJson(const Baseline& baseline) {
  json pcrs = json::array();
  for (const BaselinePcr& pcr : baseline.pcrs) {
    pcrs.push_back({{"bank", pcr.bank}, {"index", pcr.index}, {"digest", pcr.digest}});
  }
  json entry = {{"policyUID", baseline.policy_uid}, {"pcrs", std::move(pcrs)}};
  fields::PutTime(entry, "time", baseline.time);
  return entry;
}

Result<TpmIdentityStatus> StatusFromJson(const json& object) {
  TpmIdentityStatus status;
  PLIMSOLL_ASSIGN_OR_RETURN(status.node_uid, fields::String(object, "nodeUID"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json endorsement, fields::Object(object, "endorsement"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.endorsement, EndorsementFromJson(endorsement));
  PLIMSOLL_ASSIGN_OR_RETURN(const json tpm, fields::Object(object, "tpm"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.tpm, TpmFromJson(tpm));
  if (fields::Has(object, "attestationKey")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json key, fields::Object(object, "attestationKey"));
    PLIMSOLL_ASSIGN_OR_RETURN(status.attestation_key, KeyFromJson(key));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json admissions, fields::List(object, "admissions"));
  for (const json& entry : admissions) {
    PLIMSOLL_ASSIGN_OR_RETURN(Admission admission, AdmissionFromJson(entry));
    status.admissions.push_back(std::move(admission));
  }
  if (fields::Has(object, "epoch")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json epoch, fields::Object(object, "epoch"));
    PLIMSOLL_ASSIGN_OR_RETURN(status.epoch, EpochFromJson(epoch));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json baselines, fields::List(object, "baselines"));
  for (const json& entry : baselines) {
    PLIMSOLL_ASSIGN_OR_RETURN(Baseline baseline, BaselineFromJson(entry));
    status.baselines.push_back(std::move(baseline));
  }
  if (fields::Has(object, "unacknowledgedFailure")) {
    PLIMSOLL_ASSIGN_OR_RETURN(const json failure, fields::Object(object, "unacknowledgedFailure"));
    UnacknowledgedFailure parsed;
    PLIMSOLL_ASSIGN_OR_RETURN(parsed.time, fields::Time(failure, "time"));
    PLIMSOLL_ASSIGN_OR_RETURN(parsed.reason, fields::String(failure, "reason"));
    status.unacknowledged_failure = std::move(parsed);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json conditions, fields::List(object, "conditions"));
  PLIMSOLL_ASSIGN_OR_RETURN(status.conditions, ConditionsFromJson(conditions));
  return status;
}

json ToJson(const TpmIdentityStatus& status) {
  json object = json::object();
  fields::PutText(object, "nodeUID", status.node_uid);
  json endorsement = json::object();
  fields::PutText(endorsement, "certificate", status.endorsement.certificate);
  if (!status.endorsement.chain.empty()) {
    endorsement["chain"] = status.endorsement.chain;
  }
  fields::PutText(endorsement, "authority", status.endorsement.authority);
  fields::PutText(endorsement, "issuer", status.endorsement.issuer);
  if (status.endorsement.not_after) {
    endorsement["notAfter"] = FormatTime(*status.endorsement.not_after);
  }
  fields::PutText(endorsement, "manufacturer", status.endorsement.manufacturer);
  fields::PutText(endorsement, "model", status.endorsement.model);
  fields::PutText(endorsement, "version", status.endorsement.version);
  if (!endorsement.empty()) {
    object["endorsement"] = std::move(endorsement);
  }
  json tpm = json::object();
  fields::PutText(tpm, "manufacturer", status.tpm.manufacturer);
  fields::PutText(tpm, "vendor", status.tpm.vendor);
  fields::PutText(tpm, "firmwareVersion", status.tpm.firmware_version);
  fields::PutText(tpm, "specRevision", status.tpm.spec_revision);
  if (!tpm.empty()) {
    object["tpm"] = std::move(tpm);
  }
  if (status.attestation_key) {
    const ActivatedKey& key = *status.attestation_key;
    object["attestationKey"] = {{"name", key.name},
                                {"public", ToBase64(key.public_area)},
                                {"profile", key.profile},
                                {"activatedTime", FormatTime(key.activated_time)}};
    fields::PutText(object["attestationKey"], "endorsementKeyName", key.endorsement_key_name);
  }
  json admissions = json::array();
  for (const Admission& admission : status.admissions) {
    admissions.push_back({{"by", ToString(admission.by)}, {"ref", admission.ref}});
  }
  object["admissions"] = std::move(admissions);
  if (status.epoch) {
    object["epoch"] = {{"resetCount", status.epoch->reset_count},
                       {"restartCount", status.epoch->restart_count},
                       {"bootID", status.epoch->boot_id},
                       {"offsetMilliseconds", status.epoch->offset_milliseconds}};
  }
  if (!status.baselines.empty()) {
    json baselines = json::array();
    for (const Baseline& baseline : status.baselines) {
      baselines.push_back(ToJson(baseline));
    }
    object["baselines"] = std::move(baselines);
  }
  if (status.unacknowledged_failure) {
    object["unacknowledgedFailure"] = {{"time", FormatTime(status.unacknowledged_failure->time)},
                                       {"reason", status.unacknowledged_failure->reason}};
  }
  object["conditions"] = api::ToJson(status.conditions);
  return object;
}

json SpecToJson(const TpmIdentity& identity) {
  json spec = {{"endorsementKeySHA256", identity.endorsement_key_sha256},
               {"nodeName", identity.node_name},
               {"source", identity.source},
               {"decision", ToString(identity.decision)}};
  fields::PutText(spec, "decisionReason", identity.decision_reason);
  return spec;
}

}  // namespace

std::string_view ToString(Admission::By by) {
  switch (by) {
    case Admission::By::kHuman:
      return "Human";
    case Admission::By::kEndorsementCertificate:
      return "EndorsementCertificate";
    case Admission::By::kFirstUse:
      return "FirstUse";
  }
  return "Human";
}

std::string_view ToString(Decision decision) {
  switch (decision) {
    case Decision::kPending:
      return "Pending";
    case Decision::kApproved:
      return "Approved";
    case Decision::kDenied:
      return "Denied";
    case Decision::kRevoked:
      return "Revoked";
  }
  return "Pending";
}

Result<Decision> DecisionFromText(std::string_view text) {
  for (const Decision decision :
       {Decision::kPending, Decision::kApproved, Decision::kDenied, Decision::kRevoked}) {
    if (text == ToString(decision)) {
      return decision;
    }
  }
  return Fail(ErrorCode::kMalformed, "decision is none of Pending, Approved, Denied, Revoked");
}

Result<TpmIdentity> TpmIdentity::Parse(std::string_view text) {
  TpmIdentity identity;
  PLIMSOLL_ASSIGN_OR_RETURN(identity.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, fields::Object(object, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(identity.endorsement_key_sha256,
                            fields::String(spec, "endorsementKeySHA256"));
  PLIMSOLL_ASSIGN_OR_RETURN(identity.node_name, fields::String(spec, "nodeName"));
  PLIMSOLL_ASSIGN_OR_RETURN(identity.source, fields::String(spec, "source", "Manual"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string decision,
                            fields::String(spec, "decision", "Pending"));
  PLIMSOLL_ASSIGN_OR_RETURN(identity.decision, DecisionFromText(decision));
  PLIMSOLL_ASSIGN_OR_RETURN(identity.decision_reason, fields::String(spec, "decisionReason"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json status, fields::Object(object, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(identity.status, StatusFromJson(status));
  const Condition* revoked = Find(identity.status.conditions, kRevokedCondition);
  if (revoked != nullptr && revoked->status == ConditionStatus::kTrue) {
    identity.decision = Decision::kRevoked;
  }
  return identity;
}

std::string TpmIdentity::NameFor(std::string_view endorsement_key_sha256) {
  return fmt::format("ek-{}", endorsement_key_sha256.substr(0, 32));
}

bool TpmIdentity::Admitted() const {
  return decision == Decision::kApproved ||
         (decision == Decision::kPending && !status.admissions.empty());
}

std::string TpmIdentity::EncodeForCreate() const {
  return json{{"apiVersion", "plimsoll.dev/v1alpha1"},
              {"kind", "TPMIdentity"},
              {"metadata", {{"name", meta.name}}},
              {"spec", SpecToJson(*this)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string TpmIdentity::EncodeForStatusUpdate() const {
  return json{
      {"apiVersion", "plimsoll.dev/v1alpha1"},
      {"kind", "TPMIdentity"},
      {"metadata",
       {{"name", meta.name}, {"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
      {"spec", SpecToJson(*this)},
      {"status", ToJson(status)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace plimsoll::api
