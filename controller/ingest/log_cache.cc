#include "controller/ingest/log_cache.h"

namespace plimsoll::controller::ingest {

void LogCache::Put(const std::string& node_uid, const Bytes& sha256, ByteSpan log) {
  const std::lock_guard lock(mutex_);
  Drop(node_uid);
  if (log.size() > max_bytes_) {
    return;
  }
  Shared& shared = logs_[sha256];
  if (shared.nodes == 0) {
    shared.log = std::make_shared<const Bytes>(ToBytes(log));
    bytes_ += log.size();
  }
  ++shared.nodes;
  recency_.push_front(node_uid);
  by_node_.emplace(node_uid, Entry{sha256, recency_.begin()});
  while (bytes_ > max_bytes_) {
    Drop(std::string(recency_.back()));
  }
}

LogCache::Log LogCache::Get(const std::string& node_uid, const Bytes& sha256) {
  const std::lock_guard lock(mutex_);
  const auto found = by_node_.find(node_uid);
  if (found == by_node_.end() || found->second.sha256 != sha256) {
    return nullptr;
  }
  recency_.splice(recency_.begin(), recency_, found->second.recency);
  return logs_.at(sha256).log;
}

size_t LogCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void LogCache::Drop(const std::string& node_uid) {
  const auto found = by_node_.find(node_uid);
  if (found == by_node_.end()) {
    return;
  }
  const auto shared = logs_.find(found->second.sha256);
  if (--shared->second.nodes == 0) {
    bytes_ -= shared->second.log->size();
    logs_.erase(shared);
  }
  recency_.erase(found->second.recency);
  by_node_.erase(found);
}

}  // namespace plimsoll::controller::ingest
