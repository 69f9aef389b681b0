#pragma once

#include <cstdint>
#include <string>

namespace plimsoll::policy {

// What the verifier needs of a Kubernetes object's metadata.
struct ObjectMeta {
  std::string name;
  std::string uid;  // empty in files
  int64_t generation = 0;
  std::string resource_version;  // opaque
};

}  // namespace plimsoll::policy
