#include "api/node_marks.h"

#include <nlohmann/json.hpp>

#include "api/json_fields.h"

namespace plimsoll::api {
namespace {

using nlohmann::json;
namespace fields = json_fields;

// The entries whose `member` is not `value`, and a text of those that are.
struct Rest {
  json kept = json::array();
  std::string removed;
  bool found = false;
};

Result<Rest> Without(const json& list, const char* member, const std::string& value) {
  Rest rest;
  for (const json& entry : list) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, fields::String(entry, member));
    if (text != value) {
      rest.kept.push_back(entry);
      continue;
    }
    rest.found = true;
    rest.removed += rest.removed.empty() ? " " : ",";
    if (entry.contains("effect")) {
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string reason, fields::String(entry, "value"));
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string effect, fields::String(entry, "effect"));
      rest.removed += reason + ":" + effect;
    } else {
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string status, fields::String(entry, "status"));
      rest.removed += status;
    }
  }
  return rest;
}

void Say(std::string& description, const std::string& what) {
  description += (description.empty() ? "" : ", ") + what;
}

std::string Dump(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string TrustedUntilKey(std::string_view label_key) {
  return std::string(label_key.substr(0, label_key.find('/'))) + "/trusted-until";
}

Result<MarkRemoval> RemoveMarks(std::string_view node_json, const NodeMarkKeys& keys) {
  MarkRemoval removal;
  PLIMSOLL_ASSIGN_OR_RETURN(const json node, fields::ParseObject(node_json));
  PLIMSOLL_ASSIGN_OR_RETURN(const json metadata, fields::Object(node, "metadata"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string uid, fields::String(metadata, "uid"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string version, fields::String(metadata, "resourceVersion"));
  if (uid.empty() || version.empty()) {
    return Fail(ErrorCode::kMalformed, "Node without uid or resourceVersion");
  }
  const json precondition = {{"uid", uid}, {"resourceVersion", version}};

  json patch = {{"metadata", precondition}};
  bool changed = false;
  PLIMSOLL_ASSIGN_OR_RETURN(const json labels, fields::Object(metadata, "labels"));
  for (const std::string& key : {keys.label, TrustedUntilKey(keys.label)}) {
    if (labels.contains(key)) {
      patch["metadata"]["labels"][key] = nullptr;
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string value, fields::String(labels, key.c_str()));
      Say(removal.description, key == keys.label ? "label " + value : "label trusted-until");
      changed = true;
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, fields::Object(node, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json taints, fields::List(spec, "taints"));
  PLIMSOLL_ASSIGN_OR_RETURN(Rest taints_left, Without(taints, "key", keys.taint));
  if (taints_left.found) {
    patch["spec"]["taints"] = std::move(taints_left.kept);
    Say(removal.description, "taint" + taints_left.removed);
    changed = true;
  }
  if (changed) {
    removal.node = Dump(patch);
  }

  PLIMSOLL_ASSIGN_OR_RETURN(const json status, fields::Object(node, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json conditions, fields::List(status, "conditions"));
  PLIMSOLL_ASSIGN_OR_RETURN(Rest left, Without(conditions, "type", keys.condition));
  if (left.found) {
    removal.status =
        Dump({{"metadata", precondition}, {"status", {{"conditions", std::move(left.kept)}}}});
    Say(removal.description, "condition" + left.removed);
  }
  return removal;
}

}  // namespace plimsoll::api
