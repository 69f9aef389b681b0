#include "controller/enforce/node_patches.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/objects.h"
#include "kube/resource.h"

namespace plimsoll::controller::enforce {
namespace {

using nlohmann::json;

constexpr size_t kMaxTaintText = 64;  // of status.enforcement.taint

bool SameTaint(const Taint& a, const Taint& b) {
  return a.key == b.key && a.value == b.value && a.effect == b.effect;
}

bool SameTaints(const std::vector<Taint>& a, const std::vector<Taint>& b) {
  return std::is_permutation(a.begin(), a.end(), b.begin(), b.end(), SameTaint);
}

std::string LabelValue(const Node& node, const std::string& key) {
  const auto found = node.meta.labels.find(key);
  return found == node.meta.labels.end() ? std::string() : found->second;
}

bool SameLabels(const Node& node, const DesiredMarks& desired, const MarkNames& names) {
  return LabelValue(node, names.label) == desired.label &&
         (names.trusted_until.empty() ||
          LabelValue(node, names.trusted_until) == desired.trusted_until);
}

bool SameCondition(const Condition* present, const Condition& wanted) {
  return present != nullptr && present->status == wanted.status &&
         present->reason == wanted.reason && present->message == wanted.message;
}

std::string Dump(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

// uid and resourceVersion of the Node, for a patch that holds for this version of it alone.
Result<json> Precondition(const json& node) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json metadata, json_fields::Object(node, "metadata"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string uid, json_fields::String(metadata, "uid"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string version,
                            json_fields::String(metadata, "resourceVersion"));
  if (uid.empty() || version.empty()) {
    return Fail(ErrorCode::kMalformed, "Node without uid or resourceVersion");
  }
  return json{{"uid", uid}, {"resourceVersion", version}};
}

json Frame(const Node& node) {
  return kube::ApplyFrame({kube::kNode, node.meta.name}, node.meta.uid, node.meta.resource_version);
}

}  // namespace

std::string_view ToString(Mark mark) {
  switch (mark) {
    case Mark::kLabel:
      return "label";
    case Mark::kTaint:
      return "taint";
    case Mark::kCondition:
      return "condition";
  }
  return "label";
}

std::vector<Mark> MissingMarks(const Node& node, const DesiredMarks& desired,
                               const MarkNames& names) {
  std::vector<Mark> missing;
  if (desired.row == Row::kRejudgeFirst) {
    return missing;
  }
  if (!SameLabels(node, desired, names)) {
    missing.push_back(Mark::kLabel);
  }
  if (!SameTaints(OurTaints(node, names.taint), desired.taints)) {
    missing.push_back(Mark::kTaint);
  }
  const Condition* condition = Find(node.conditions, names.condition);
  if (names.conditions ? !SameCondition(condition, desired.condition) : condition != nullptr) {
    const bool gaining = desired.row == Row::kTrusted;
    missing.insert(gaining ? missing.begin() : missing.end(), Mark::kCondition);
  }
  return missing;
}

std::string LabelApply(const Node& node, const MarkNames& names, const DesiredMarks& desired) {
  json body = Frame(node);
  body["metadata"]["labels"] = {{names.label, desired.label}};
  if (!desired.trusted_until.empty()) {
    body["metadata"]["labels"][names.trusted_until] = desired.trusted_until;
  }
  return Dump(body);
}

std::string TrustedUntilRemoval(const Node& node, const MarkNames& names) {
  return Dump({{"metadata",
                {{"uid", node.meta.uid},
                 {"resourceVersion", node.meta.resource_version},
                 {"labels", {{names.trusted_until, nullptr}}}}}});
}

std::string ConditionApply(const Node& node, const Condition& condition, WallTime now) {
  const Condition* present = Find(node.conditions, condition.type);
  const bool moved = present == nullptr || present->status != condition.status;
  json body = Frame(node);
  body["status"]["conditions"] = json::array(
      {{{"type", condition.type},
        {"status", controller::ToString(condition.status)},
        {"reason", condition.reason},
        {"message", condition.message},
        {"lastHeartbeatTime", FormatTime(now)},
        {"lastTransitionTime", FormatTime(moved ? now : present->last_transition_time)}}});
  return Dump(body);
}

Result<std::string> ConditionRemoval(std::string_view node_json, const std::string& type) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json node, json_fields::ParseObject(node_json));
  PLIMSOLL_ASSIGN_OR_RETURN(json metadata, Precondition(node));
  PLIMSOLL_ASSIGN_OR_RETURN(const json status, json_fields::Object(node, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json present, json_fields::List(status, "conditions"));
  json left = json::array();
  for (const json& entry : present) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string entry_type, json_fields::String(entry, "type"));
    if (entry_type != type) {
      left.push_back(entry);
    }
  }
  return Dump({{"metadata", std::move(metadata)}, {"status", {{"conditions", std::move(left)}}}});
}

Result<std::string> TaintPatch(std::string_view node_json, const std::string& key,
                               const std::vector<Taint>& wanted) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json node, json_fields::ParseObject(node_json));
  PLIMSOLL_ASSIGN_OR_RETURN(json metadata, Precondition(node));
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, json_fields::Object(node, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json present, json_fields::List(spec, "taints"));
  std::vector<Taint> left = wanted;
  json taints = json::array();
  for (const json& entry : present) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string entry_key, json_fields::String(entry, "key"));
    if (entry_key != key) {
      taints.push_back(entry);
      continue;
    }
    if (left.empty()) {
      continue;
    }
    json ours = entry;
    ours["value"] = left.front().value;
    ours["effect"] = left.front().effect;
    left.erase(left.begin());
    taints.push_back(std::move(ours));
  }
  for (const Taint& taint : left) {
    taints.push_back({{"key", taint.key}, {"value", taint.value}, {"effect", taint.effect}});
  }
  return Dump({{"metadata", std::move(metadata)}, {"spec", {{"taints", std::move(taints)}}}});
}

std::string TaintText(const std::vector<Taint>& taints) {
  std::string text;
  for (const Taint& taint : taints) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", taint.value, taint.effect);
  }
  text.resize(std::min(text.size(), kMaxTaintText));
  return text;
}

}  // namespace plimsoll::controller::enforce
