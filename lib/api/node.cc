#include "api/node.h"

#include <nlohmann/json.hpp>

#include "api/json_fields.h"

namespace plimsoll::api {

Result<Node> Node::Parse(std::string_view text) {
  Node node;
  PLIMSOLL_ASSIGN_OR_RETURN(node.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json object, json_fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json spec, json_fields::Object(object, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json taints, json_fields::List(spec, "taints"));
  for (const auto& entry : taints) {
    Taint taint;
    PLIMSOLL_ASSIGN_OR_RETURN(taint.key, json_fields::String(entry, "key"));
    PLIMSOLL_ASSIGN_OR_RETURN(taint.value, json_fields::String(entry, "value"));
    PLIMSOLL_ASSIGN_OR_RETURN(taint.effect, json_fields::String(entry, "effect"));
    PLIMSOLL_ASSIGN_OR_RETURN(taint.time_added, json_fields::String(entry, "timeAdded"));
    node.taints.push_back(std::move(taint));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json status, json_fields::Object(object, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json conditions,
                            json_fields::List(status, "conditions"));
  // The kubelet may write any condition into its own Node. One that cannot be read is passed over:
  // it must not hide the whole Node from its controller.
  for (const auto& entry : conditions) {
    if (auto condition = ConditionsFromJson(nlohmann::json::array({entry}))) {
      node.conditions.push_back(std::move(condition->front()));
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json info, json_fields::Object(status, "nodeInfo"));
  PLIMSOLL_ASSIGN_OR_RETURN(node.boot_id, json_fields::String(info, "bootID"));
  return node;
}

}  // namespace plimsoll::api
