#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/result.h"
#include "kube/resource.h"

namespace plimsoll::api {

struct Taint {
  std::string key;
  std::string value;
  std::string effect;      // NoSchedule, PreferNoSchedule, NoExecute
  std::string time_added;  // RFC 3339, kept as it is written; empty = absent

  bool operator==(const Taint&) const = default;
};

// What the controller reads of a v1 Node.
struct Node {
  kube::ObjectMeta meta;
  std::vector<Taint> taints;
  Conditions conditions;  // all of them: ours and the kubelet's
  std::string boot_id;    // status.nodeInfo.bootID

  static Result<Node> Parse(std::string_view json);
};

}  // namespace plimsoll::api
