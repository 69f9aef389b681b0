#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/node.h"
#include "kube/resource.h"

namespace plimsoll::plugin {

struct Toleration {
  std::string key;  // empty with Exists: every key
  std::string op;   // Exists, Equal; empty: Equal
  std::string value;
  std::string effect;  // empty: every effect

  // As Kubernetes matches (k8s.io/api/core/v1, Toleration.ToleratesTaint).
  bool Tolerates(const api::Taint& taint) const;
};

// What of a v1 Pod tells how it got to its node.
struct Pod {
  kube::ObjectMeta meta;
  std::string node_name;
  std::string phase;
  std::string owner;       // "DaemonSet/fluentd"; empty: none
  bool is_static = false;  // from a file on the node; the API server holds a mirror
  std::vector<Toleration> tolerations;

  static Result<Pod> Parse(std::string_view json);
};

}  // namespace plimsoll::plugin
