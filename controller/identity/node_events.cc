#include "controller/identity/node_events.h"

namespace plimsoll::controller::identity {

void NodeEvents::Record(const std::string& node_name, kube::EventType type,
                        const std::string& reason, const std::string& action,
                        const std::string& note) {
  if (const auto attestation = attestations_.Get(node_name)) {
    recorder_.Record({kube::kNodeAttestation, node_name, attestation->meta.uid}, type, reason,
                     action, note);
  }
  if (const auto node = nodes_.Get(node_name)) {
    recorder_.Record({kube::kNode, node_name, node->meta.uid}, type, reason, action, note);
  }
}

}  // namespace plimsoll::controller::identity
