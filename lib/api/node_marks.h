#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Taking our marks off a Node: what an uninstall leaves behind. Used where no controller decides
// about marks any more.
namespace plimsoll::api {

// The keys of the marks, as the release has them.
struct NodeMarkKeys {
  std::string label = "plimsoll.dev.node-restriction.kubernetes.io/trusted";
  std::string taint = "plimsoll.dev/untrusted";
  std::string condition = "plimsoll.dev/Trusted";
};

// The key of the second label: "PREFIX/trusted-until" beside "PREFIX/trusted".
std::string TrustedUntilKey(std::string_view label_key);

// The two writes that take our marks off a Node, as RFC 7386 merge patches. Both name the uid and
// resourceVersion that were read, so that the API server refuses them (409) when the Node is
// another or has changed since; lists are rebuilt from the Node's own JSON, so that foreign taints
// and conditions stay as they are, unknown fields too, and in their order.
struct MarkRemoval {
  std::optional<std::string> node;    // for the Node itself: labels and taint; nullopt: none there
  std::optional<std::string> status;  // for /status: the condition; nullopt: not there
  std::string description;            // "label true, taint PCRMismatch:NoSchedule, condition"

  bool empty() const { return !node && !status; }
};

// Fails with kMalformed when the JSON is no Node.
//
// The first write changes the resourceVersion: for the second, ask again with the answer.
Result<MarkRemoval> RemoveMarks(std::string_view node_json, const NodeMarkKeys& keys);

}  // namespace plimsoll::api
