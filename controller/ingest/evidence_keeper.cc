#include "controller/ingest/evidence_keeper.h"

#include <utility>

namespace plimsoll::controller::ingest {
namespace {

constexpr size_t kOverhead = 1024;  // of the structures around the bytes

size_t SizeOf(const std::optional<Bytes>& bytes) { return bytes ? bytes->size() : 0; }

size_t SizeOf(const evidence::BundleFrame& frame, const evidence::Evidence& evidence) {
  size_t size = kOverhead + evidence.attest.size() + evidence.signature.size() +
                SizeOf(evidence.statement) + SizeOf(evidence.boot_event_log) +
                SizeOf(evidence.ima) + frame.node_name.size() + frame.node_uid.size();
  for (const evidence::PcrValue& pcr : evidence.pcrs) {
    size += sizeof(pcr) + pcr.digest.size();
  }
  return size;
}

}  // namespace

void EvidenceKeeper::Keep(evidence::BundleFrame frame, const evidence::Evidence& evidence) {
  const size_t bytes = SizeOf(frame, evidence);
  // What is too large must not leave older evidence looking like the last.
  const std::lock_guard lock(mutex_);
  if (const auto found = by_node_.find(frame.node_name); found != by_node_.end()) {
    Drop(found->second);
  }
  if (bytes > max_bytes_) {
    return;
  }
  while (bytes_ + bytes > max_bytes_) {
    Drop(std::prev(entries_.end()));
  }
  std::string node = frame.node_name;
  entries_.push_front(std::make_shared<const Kept>(Kept{std::move(frame), evidence, bytes}));
  by_node_[std::move(node)] = entries_.begin();
  bytes_ += bytes;
}

std::optional<std::string> EvidenceKeeper::BundleOf(std::string_view node) {
  Entry kept;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_node_.find(std::string(node));
    if (found == by_node_.end()) {
      return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    kept = *found->second;
  }
  // Base64 of megabytes: not under the lock, which every evidence round takes.
  return evidence::EncodeBundle(kept->frame, kept->evidence);
}

size_t EvidenceKeeper::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void EvidenceKeeper::Drop(std::list<Entry>::iterator entry) {
  bytes_ -= (*entry)->bytes;
  by_node_.erase((*entry)->frame.node_name);
  entries_.erase(entry);
}

// Without the endorsement: of the EK only its certificate and name are recorded.
void KeepEvidence(EvidenceKeeper* keeper, const AgentPrincipal& agent, const Challenge& challenge,
                  const TpmIdentity& identity, const evidence::Evidence& evidence) {
  if (keeper == nullptr || !identity.status.attestation_key) {
    return;
  }
  keeper->Keep({.node_name = std::string(agent.node_name()),
                .node_uid = std::string(agent.node_uid()),
                .attestation_key = identity.status.attestation_key->public_area,
                .endorsement = std::nullopt,
                .expected = challenge.nonce,
                .selection = challenge.selection},
               evidence);
}

}  // namespace plimsoll::controller::ingest
