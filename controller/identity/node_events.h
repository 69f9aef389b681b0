#pragma once

#include <string>

#include "controller/objects.h"
#include "kube/events.h"
#include "kube/lookup.h"

namespace plimsoll::controller::identity {

// Events about a node, as people look for them: on the Node and on its NodeAttestation, each with
// its UID so that `kubectl describe` finds them. A node that is not known gets none. Never blocks.
// Thread-safe.
class NodeEvents {
 public:
  NodeEvents(kube::EventRecorder& recorder, const Lookup<Node>& nodes,
             const Lookup<NodeAttestation>& attestations)
      : recorder_(recorder), nodes_(nodes), attestations_(attestations) {}

  // `reason` is one of the words of api.md 4, `action` what was done; `note` is a sentence.
  void Record(const std::string& node_name, kube::EventType type, const std::string& reason,
              const std::string& action, const std::string& note);

 private:
  kube::EventRecorder& recorder_;
  const Lookup<Node>& nodes_;
  const Lookup<NodeAttestation>& attestations_;
};

}  // namespace plimsoll::controller::identity
