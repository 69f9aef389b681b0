#include "api/attestation_exception.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/json_fields.h"
#include "policy/parse_selector.h"

namespace plimsoll::api {
namespace {

using nlohmann::json;
namespace fields = json_fields;

}  // namespace

Result<AttestationException> AttestationException::Parse(std::string_view text) {
  AttestationException exception;
  PLIMSOLL_ASSIGN_OR_RETURN(exception.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, fields::Object(object, "spec"));
  if (fields::Has(spec, "nodeSelector")) {
    PLIMSOLL_ASSIGN_OR_RETURN(exception.node_selector,
                              policy::ParseSelector(spec.dump(), "nodeSelector"));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(exception.node_names, fields::Texts(spec, "nodeNames"));
  PLIMSOLL_ASSIGN_OR_RETURN(exception.policy_refs, fields::Texts(spec, "policyRefs"));
  PLIMSOLL_ASSIGN_OR_RETURN(exception.reason, fields::String(spec, "reason"));
  PLIMSOLL_ASSIGN_OR_RETURN(const auto expires_at, fields::OptionalTime(spec, "expiresAt"));
  if (!exception.node_selector && exception.node_names.empty()) {
    return Fail(ErrorCode::kMalformed, "spec names no nodes");
  }
  if (!expires_at) {
    return Fail(ErrorCode::kMalformed, "spec.expiresAt is missing");
  }
  exception.expires_at = *expires_at;
  // Status is written by the controller alone: one that cannot be read is written anew.
  const json status = fields::Object(object, "status").value_or(json::object());
  exception.observed_generation = fields::Integer(status, "observedGeneration").value_or(0);
  exception.nodes = fields::Integer(status, "nodes").value_or(0);
  if (const auto list = fields::List(status, "conditions")) {
    exception.conditions = ConditionsFromJson(*list).value_or(Conditions{});
  }
  return exception;
}

bool AttestationException::Covers(const kube::ObjectMeta& node) const {
  if (std::find(node_names.begin(), node_names.end(), node.name) != node_names.end()) {
    return true;
  }
  return node_selector && node_selector->Matches({node.labels.begin(), node.labels.end()});
}

bool AttestationException::Waives(std::string_view policy_name) const {
  return policy_refs.empty() ||
         std::find(policy_refs.begin(), policy_refs.end(), policy_name) != policy_refs.end();
}

std::string AttestationException::EncodeForStatusUpdate() const {
  const json body = {
      {"apiVersion", kube::ApiVersion(kube::kAttestationException)},
      {"kind", kube::kAttestationException.kind},
      {"metadata",
       {{"name", meta.name}, {"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
      {"status",
       {{"observedGeneration", observed_generation},
        {"nodes", nodes},
        {"conditions", ToJson(conditions)}}}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace plimsoll::api
