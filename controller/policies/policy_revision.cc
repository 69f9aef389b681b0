#include "controller/policies/policy_revision.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "controller/objects.h"

namespace plimsoll::controller::policies {
namespace {

using nlohmann::json;

}  // namespace

Result<PolicyRevision> PolicyRevision::Parse(std::string_view text) {
  PolicyRevision revision;
  PLIMSOLL_ASSIGN_OR_RETURN(revision.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, json_fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json data, json_fields::Object(object, "data"));
  PLIMSOLL_ASSIGN_OR_RETURN(revision.good, PolicyObject::Parse(data.dump()));
  const auto uid = revision.meta.labels.find(kPolicyUidLabel);
  if (uid == revision.meta.labels.end() || uid->second != revision.good.meta.uid ||
      revision.good.meta.uid.empty() || !revision.good.policy.problem.empty()) {
    return Fail(ErrorCode::kMalformed, "not the revision of a policy that was good");
  }
  return revision;
}

Result<std::string> PolicyRevision::EncodeForCreate(std::string_view policy_json,
                                                    const std::string& namespace_name) {
  PLIMSOLL_ASSIGN_OR_RETURN(const kube::ObjectMeta meta, kube::ParseObjectMeta(policy_json));
  PLIMSOLL_ASSIGN_OR_RETURN(const json policy, json_fields::ParseObject(policy_json));
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, json_fields::Object(policy, "spec"));
  const kube::ResourceKind& kind = kube::kAttestationPolicy;
  const json data = {
      {"apiVersion", kube::ApiVersion(kind)},
      {"kind", kind.kind},
      {"metadata", {{"name", meta.name}, {"uid", meta.uid}, {"generation", meta.generation}}},
      {"spec", spec}};
  const json body = {{"apiVersion", kube::ApiVersion(kube::kControllerRevision)},
                     {"kind", kube::kControllerRevision.kind},
                     {"metadata",
                      {{"name", NameFor(meta.uid, meta.generation)},
                       {"namespace", namespace_name},
                       {"labels", {{kPolicyUidLabel, meta.uid}}},
                       {"ownerReferences", json::array({{{"apiVersion", kube::ApiVersion(kind)},
                                                         {"kind", kind.kind},
                                                         {"name", meta.name},
                                                         {"uid", meta.uid}}})}}},
                     {"revision", meta.generation},
                     {"data", data}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string PolicyRevision::NameFor(const std::string& policy_uid, int64_t generation) {
  return fmt::format("policy-{}-{}", policy_uid, generation);
}

}  // namespace plimsoll::controller::policies
