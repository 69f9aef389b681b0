#include "http/connection_table.h"

namespace plimsoll::http {

std::optional<ConnectionTable::Eviction> ConnectionTable::Add(ConnectionId id, std::string source) {
  std::optional<Eviction> eviction;
  if (entries_.size() >= limits_.max_connections) {
    eviction = Eviction{.id = Evictable().value_or(id), .reason = DropReason::kEvicted};
  }
  std::set<ConnectionId>& of_source = unauthenticated_by_source_[source];
  if (!eviction && entries_.size() >= limits_.max_connections / 2 &&
      of_source.size() >= limits_.max_unauthenticated_per_source) {
    eviction = Eviction{.id = *of_source.begin(), .reason = DropReason::kSourceLimit};
  }
  of_source.insert(id);
  unauthenticated_.insert(id);
  entries_.emplace(id, Entry{.source = std::move(source)});
  return eviction;
}

std::optional<ConnectionId> ConnectionTable::Evictable() const {
  if (!unauthenticated_.empty()) {
    return *unauthenticated_.begin();
  }
  if (!idle_.empty()) {
    return idle_.begin()->second;
  }
  return std::nullopt;
}

void ConnectionTable::Remove(ConnectionId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) {
    return;
  }
  SetBusy(id);
  SetAuthenticated(id);
  entries_.erase(found);
}

void ConnectionTable::SetAuthenticated(ConnectionId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.authenticated) {
    return;
  }
  Entry& entry = found->second;
  entry.authenticated = true;
  unauthenticated_.erase(id);
  const auto of_source = unauthenticated_by_source_.find(entry.source);
  of_source->second.erase(id);
  if (of_source->second.empty()) {
    unauthenticated_by_source_.erase(of_source);
  }
}

void ConnectionTable::SetIdle(ConnectionId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || !found->second.authenticated) {
    return;
  }
  SetBusy(id);
  found->second.idle_since = next_idle_++;
  idle_.emplace(found->second.idle_since, id);
}

void ConnectionTable::SetBusy(ConnectionId id) {
  const auto found = entries_.find(id);
  if (found != entries_.end() && found->second.idle_since != 0) {
    idle_.erase({found->second.idle_since, id});
    found->second.idle_since = 0;
  }
}

}  // namespace plimsoll::http
