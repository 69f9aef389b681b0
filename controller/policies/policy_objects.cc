#include "controller/policies/policy_objects.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/objects.h"
#include "crypto/digest.h"

namespace plimsoll::controller::policies {
namespace {

using nlohmann::json;

struct StoredStatus {
  Conditions conditions;
  std::string text;
};

// Status is written by this program alone. One that cannot be read is written anew, so it is no
// error.
StoredStatus ReadStatus(std::string_view text) {
  StoredStatus stored;
  const Result<json> object = json_fields::ParseObject(text);
  if (!object) {
    return stored;
  }
  Result<json> status = json_fields::Object(*object, "status");
  if (!status) {
    return stored;
  }
  if (const Result<json> list = json_fields::List(*status, "conditions")) {
    stored.conditions = ConditionsFromJson(*list).value_or(Conditions{});
  }
  status->erase("conditions");
  stored.text = status->dump(-1, ' ', false, json::error_handler_t::replace);
  return stored;
}

policy::ObjectMeta PolicyMeta(const kube::ObjectMeta& meta) {
  return {.name = meta.name,
          .uid = meta.uid,
          .generation = meta.generation,
          .resource_version = meta.resource_version};
}

std::string ContentOf(std::string_view text) {
  const Result<json> object = json_fields::ParseObject(text);
  json spec =
      object ? json_fields::Object(*object, "spec").value_or(json::object()) : json::object();
  spec.erase("rollout");
  const std::string canonical = spec.dump(-1, ' ', false, json::error_handler_t::replace);
  return crypto::Sha256Hex(AsBytes(canonical));
}

}  // namespace

Result<PolicyObject> PolicyObject::Parse(std::string_view text) {
  PolicyObject object;
  PLIMSOLL_ASSIGN_OR_RETURN(object.meta, kube::ParseObjectMeta(text));
  if (auto parsed = policy::AttestationPolicy::Parse(text)) {
    object.policy = *std::move(parsed);
  } else {
    object.policy.mode = policy::Mode::kEnforce;  // and the empty selector: every node
    object.policy.problem = "cannot be read: " + parsed.error().message;
  }
  object.policy.meta = PolicyMeta(object.meta);
  object.content = ContentOf(text);
  StoredStatus stored = ReadStatus(text);
  object.conditions = std::move(stored.conditions);
  object.status_text = std::move(stored.text);
  return object;
}

Result<AuthorityObject> AuthorityObject::Parse(std::string_view text) {
  AuthorityObject object;
  PLIMSOLL_ASSIGN_OR_RETURN(object.meta, kube::ParseObjectMeta(text));
  policy::EndorsementAuthority authority;
  if (auto parsed = policy::EndorsementAuthority::Parse(text)) {
    authority = *std::move(parsed);
  } else {
    authority.problem = "cannot be read: " + parsed.error().message;
  }
  authority.meta = PolicyMeta(object.meta);
  if (!authority.references.empty()) {
    object.text = text;
  }
  object.authority = std::make_shared<const policy::EndorsementAuthority>(std::move(authority));
  StoredStatus stored = ReadStatus(text);
  object.conditions = std::move(stored.conditions);
  object.status_text = std::move(stored.text);
  return object;
}

Result<ReferenceObject> ReferenceObject::Parse(std::string_view text) {
  ReferenceObject object;
  PLIMSOLL_ASSIGN_OR_RETURN(object.meta, kube::ParseObjectMeta(text));
  policy::ReferenceValues set;
  if (auto parsed = policy::ReferenceValues::Parse(text)) {
    set = *std::move(parsed);
  } else {
    set.problem = "cannot be read: " + parsed.error().message;
  }
  set.meta = PolicyMeta(object.meta);
  object.set = std::make_shared<const policy::ReferenceValues>(std::move(set));
  StoredStatus stored = ReadStatus(text);
  object.conditions = std::move(stored.conditions);
  object.status_text = std::move(stored.text);
  return object;
}

}  // namespace plimsoll::controller::policies
