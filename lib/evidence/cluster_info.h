#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plimsoll::evidence {

// The answer to GET /v1/cluster.
struct ClusterInfo {
  std::string cluster_uid;  // UID of the kube-system namespace
  std::vector<std::string>
      key_profiles;  // what the controller accepts: "p384", "p256", "rsa2048", …
};

Result<ClusterInfo> DecodeClusterInfo(std::string_view body);
std::string Encode(const ClusterInfo& info);

}  // namespace plimsoll::evidence
