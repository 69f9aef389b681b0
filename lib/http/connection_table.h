#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "http/limits.h"
#include "http/observer.h"

namespace plimsoll::http {

using ConnectionId = uint64_t;  // ascending in the order of arrival

// Who is connected, and who has to go when there are too many. Knows no sockets. Not thread-safe:
// used by the I/O thread alone.
//
// The order: above half of the cap, the oldest unauthenticated connection of an address that has
// more than its share; above the cap, the oldest unauthenticated connection of all, then the
// authenticated one that has been idle longest. An authenticated one that is being served is never
// chosen; when
// there is no other, the newcomer goes.
class ConnectionTable {
 public:
  explicit ConnectionTable(const ServerLimits& limits) : limits_(limits) {}

  struct Eviction {
    ConnectionId id;
    DropReason reason;
  };

  // Takes in a connection and names the one that has to go for it, if any; perhaps itself. The
  // caller closes that one and removes it.
  std::optional<Eviction> Add(ConnectionId id, std::string source);

  // The connection that has to go when there are no file descriptors left.
  std::optional<ConnectionId> Evictable() const;

  void Remove(ConnectionId id);

  void SetAuthenticated(ConnectionId id);
  // Between two requests, or not.
  void SetIdle(ConnectionId id);
  void SetBusy(ConnectionId id);

  size_t size() const { return entries_.size(); }
  size_t unauthenticated() const { return unauthenticated_.size(); }

 private:
  struct Entry {
    std::string source;
    bool authenticated = false;
    uint64_t idle_since = 0;  // a running number; 0 when busy
  };

  const ServerLimits& limits_;
  std::unordered_map<ConnectionId, Entry> entries_;
  std::set<ConnectionId> unauthenticated_;
  std::map<std::string, std::set<ConnectionId>> unauthenticated_by_source_;
  std::set<std::pair<uint64_t, ConnectionId>> idle_;  // authenticated ones
  uint64_t next_idle_ = 1;
};

}  // namespace plimsoll::http
