#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"

namespace plimsoll::cluster {

inline constexpr char kWrongDigest[] =
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

// Nodes of one group under one policy of that name, each with a software TPM in the same state.
class Group {
 public:
  // Makes, enrols and approves them. `extra` is YAML of the policy's spec; `node` of the Nodes.
  Group(std::string name, size_t count, std::string extra = "")
      : name_(std::move(name)), extra_(std::move(extra)) {
    for (size_t i = 0; i < count; ++i) {
      nodes_.push_back(std::make_unique<SoftwareNode>(fmt::format("{}-{}", name_, i), name_));
      Connect(i);
      EXPECT_EQ(nodes_[i]->Enroll().status, 200);
    }
    for (const auto& node : nodes_) {
      EXPECT_TRUE(
          Eventually([&] { return !GetObject("tpmidentity", node->identity()).is_null(); }));
      node->Approve();
    }
  }

  void Connect(size_t i) {
    Deployment& deployment = Deployment::Get();
    Replica* leader = deployment.Leader();
    ASSERT_NE(leader, nullptr);
    nodes_[i]->Connect(leader->address(), deployment.ca_pem());
  }

  // The policy as it should be, or one that is wrong for all of them.
  void ApplyPolicy(bool wrong = false) {
    std::vector<std::string> pcrs = nodes_[0]->Pcrs();
    if (wrong) {
      pcrs[4] = kWrongDigest;
    }
    const auto applied = Cluster().Apply(PolicyYaml(name_, name_, pcrs, extra_));
    EXPECT_TRUE(applied.ok()) << applied;
  }

  void AttestAll(const std::string& expected) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Connect(i);
      EXPECT_TRUE(Eventually([&] { return nodes_[i]->Attest().verdict == expected; }))
          << nodes_[i]->name();
    }
  }

  std::set<std::string> Tainted() const {
    std::set<std::string> tainted;
    for (const auto& node : nodes_) {
      if (!TaintValue(node->name()).empty()) {
        tainted.insert(node->name());
      }
    }
    return tainted;
  }
  size_t CountLabels(const std::string& value) const {
    return static_cast<size_t>(std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      return Label(node->name()) == value;
    }));
  }
  bool AllLabelled(const std::string& value) const { return CountLabels(value) == size(); }

  size_t size() const { return nodes_.size(); }
  SoftwareNode& operator[](size_t i) { return *nodes_[i]; }
  const std::string& name() const { return name_; }

 private:
  const std::string name_;
  const std::string extra_;
  std::vector<std::unique_ptr<SoftwareNode>> nodes_;
};

// The value of a series of the leader's metrics, such as `plimsoll_x{policy="p"}`; -1 without one.
inline double LeaderMetric(const std::string& series) {
  Replica* leader = Deployment::Get().Leader();
  const std::string text = leader == nullptr ? "" : "\n" + leader->Metrics();
  const size_t found = text.find("\n" + series + " ");
  return found == std::string::npos ? -1 : std::stod(text.substr(found + series.size() + 2));
}

inline std::string WithheldBy(const std::string& node) {
  const nlohmann::json object = GetObject("nodeattestation", node);
  return object.is_null()
             ? ""
             : object.value(nlohmann::json::json_pointer("/status/enforcement/withheldBy"), "");
}

}  // namespace plimsoll::cluster
