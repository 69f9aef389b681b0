#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "controller/ingest/agent_principal.h"
#include "controller/ingest/challenge_store.h"
#include "controller/objects.h"
#include "evidence/bundle.h"
#include "evidence/evidence.h"

namespace plimsoll::controller::ingest {

// The last evidence of each node that came to this replica, good or bad, so that people can verify
// it again without a cluster. In memory alone, and bounded: what was kept or asked for longest ago
// goes, and what is over the bound by itself is not kept. Thread-safe.
class EvidenceKeeper {
 public:
  explicit EvidenceKeeper(size_t max_bytes) : max_bytes_(max_bytes) {}

  // In place of what is kept of that node (`frame.node_name`). `evidence` answered a challenge with
  // the nonce in `frame`.
  void Keep(evidence::BundleFrame frame, const evidence::Evidence& evidence);

  // The bundle of a node, built now; nullopt when none is kept.
  std::optional<std::string> BundleOf(std::string_view node);

  size_t bytes() const;  // held, by their sizes in memory

 private:
  struct Kept {
    evidence::BundleFrame frame;
    evidence::Evidence evidence;
    size_t bytes = 0;
  };
  using Entry = std::shared_ptr<const Kept>;

  void Drop(std::list<Entry>::iterator entry);

  const size_t max_bytes_;
  mutable std::mutex mutex_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // used last first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_node_;
};

// Keeps evidence that answered this challenge of this node. Nothing when `keeper` is null.
void KeepEvidence(EvidenceKeeper* keeper, const AgentPrincipal& agent, const Challenge& challenge,
                  const TpmIdentity& identity, const evidence::Evidence& evidence);

}  // namespace plimsoll::controller::ingest
