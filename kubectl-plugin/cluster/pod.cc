#include "kubectl-plugin/cluster/pod.h"

#include <nlohmann/json.hpp>

#include "api/json_fields.h"

namespace plimsoll::plugin {

using nlohmann::json;
namespace fields = api::json_fields;

bool Toleration::Tolerates(const api::Taint& taint) const {
  if (!effect.empty() && effect != taint.effect) {
    return false;
  }
  if (!key.empty() && key != taint.key) {
    return false;
  }
  if (op == "Exists") {
    return true;
  }
  return !key.empty() && (op.empty() || op == "Equal") && value == taint.value;
}

Result<Pod> Pod::Parse(std::string_view text) {
  Pod pod;
  PLIMSOLL_ASSIGN_OR_RETURN(pod.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json metadata, fields::Object(object, "metadata"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json owners, fields::List(metadata, "ownerReferences"));
  for (const json& owner : owners) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string kind, fields::String(owner, "kind"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string name, fields::String(owner, "name"));
    pod.owner = kind + "/" + name;
  }
  pod.is_static = pod.meta.annotations.count("kubernetes.io/config.mirror") != 0;
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, fields::Object(object, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(pod.node_name, fields::String(spec, "nodeName"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json tolerations, fields::List(spec, "tolerations"));
  for (const json& entry : tolerations) {
    Toleration toleration;
    PLIMSOLL_ASSIGN_OR_RETURN(toleration.key, fields::String(entry, "key"));
    PLIMSOLL_ASSIGN_OR_RETURN(toleration.op, fields::String(entry, "operator"));
    PLIMSOLL_ASSIGN_OR_RETURN(toleration.value, fields::String(entry, "value"));
    PLIMSOLL_ASSIGN_OR_RETURN(toleration.effect, fields::String(entry, "effect"));
    pod.tolerations.push_back(std::move(toleration));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json status, fields::Object(object, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(pod.phase, fields::String(status, "phase"));
  return pod;
}

}  // namespace plimsoll::plugin
