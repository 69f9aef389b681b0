#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace plimsoll::controller::policies {

// Where a policy object takes a text from that is not in itself.
struct TextSource {
  enum class Kind : uint8_t { kConfigMap, kClusterTrustBundle, kFile };

  Kind kind = Kind::kConfigMap;
  std::string namespace_name;  // of a ConfigMap
  std::string name;            // of the object, or of the file in the allow-list directory
  std::string key;             // of a ConfigMap's data or binaryData

  auto operator<=>(const TextSource&) const = default;
};

// "ConfigMap plimsoll-system/vendors, key ca.pem", "ClusterTrustBundle vendors", "file a.sha256".
std::string ToText(const TextSource& source);

struct Text {
  std::shared_ptr<const std::string> content;  // null: it is not here, for the reason in `problem`
  std::string version;                         // another for each other content, or lack of it
  std::string problem;
};

// The texts as this replica last saw them. Thread-safe. What is asked for the first time is not
// here yet; it is read, and whoever subscribed is told.
class Texts {
 public:
  virtual ~Texts() = default;
  virtual Text Get(const TextSource& source) const = 0;

  // Success when what Get gives of objects is what the API server holds now; kUnavailable when it
  // is not, or that cannot be found out.
  virtual Status Confirm() const = 0;
};

}  // namespace plimsoll::controller::policies
