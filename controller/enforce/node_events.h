#pragma once

#include <string>

#include "kube/events.h"

namespace plimsoll::controller::enforce {

// The node that Events are about.
struct EventNode {
  std::string name;
  std::string uid;
  std::string attestation_uid;  // of its NodeAttestation; empty where there is none yet
};

// Says the same on the Node and on its NodeAttestation, where people look (api.md 4). Thread-safe.
class NodeEvents {
 public:
  explicit NodeEvents(kube::EventRecorder& recorder) : recorder_(recorder) {}

  void Normal(const EventNode& node, const char* reason, const char* action, std::string note) {
    Record(node, kube::EventType::kNormal, reason, action, std::move(note));
  }
  void Warning(const EventNode& node, const char* reason, const char* action, std::string note) {
    Record(node, kube::EventType::kWarning, reason, action, std::move(note));
  }

 private:
  void Record(const EventNode& node, kube::EventType type, const char* reason, const char* action,
              std::string note) {
    if (!node.attestation_uid.empty()) {
      recorder_.Record({kube::kNodeAttestation, node.name, node.attestation_uid}, type, reason,
                       action, note);
    }
    recorder_.Record({kube::kNode, node.name, node.uid}, type, reason, action, std::move(note));
  }

  kube::EventRecorder& recorder_;
};

}  // namespace plimsoll::controller::enforce
