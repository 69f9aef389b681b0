#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace plimsoll::controller::ingest {

// The agent on one node, as its token proves it: the Node that the token names is the node that a
// request is about, whatever the body says. Immutable.
class AgentPrincipal final : public http::Principal {
 public:
  AgentPrincipal(std::string node_name, std::string node_uid, std::string pod_name)
      : name_("node/" + node_name),
        node_name_(std::move(node_name)),
        node_uid_(std::move(node_uid)),
        pod_name_(std::move(pod_name)) {}

  std::string_view name() const override { return name_; }
  const std::string& node_name() const { return node_name_; }
  const std::string& node_uid() const { return node_uid_; }
  const std::string& pod_name() const { return pod_name_; }

 private:
  std::string name_;
  std::string node_name_;
  std::string node_uid_;
  std::string pod_name_;
};

}  // namespace plimsoll::controller::ingest
