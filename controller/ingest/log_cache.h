#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/bytes.h"

namespace plimsoll::controller::ingest {

// The boot event logs that agents need not send again: the last one of each node, as that node sent
// it and this replica judged it. Keyed by the node and by the digest that the controller computed;
// what one node sent is never given for another, though equal logs share their memory. Thread-safe.
class LogCache {
 public:
  using Log = std::shared_ptr<const Bytes>;

  // Holds at most `max_bytes` of logs; the nodes that were not heard of for longest lose theirs.
  explicit LogCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Keeps `log`, whose SHA-256 is `sha256`, in place of the node's last one.
  void Put(const std::string& node_uid, const Bytes& sha256, ByteSpan log);

  // The node's log when it has that digest; null otherwise. Whoever holds the pointer pins the log.
  Log Get(const std::string& node_uid, const Bytes& sha256);

  size_t bytes() const;

 private:
  struct Shared {
    Log log;
    size_t nodes = 0;
  };
  struct Entry {
    Bytes sha256;
    std::list<std::string>::iterator recency;
  };

  void Drop(const std::string& node_uid);

  const size_t max_bytes_;
  mutable std::mutex mutex_;
  size_t bytes_ = 0;
  std::map<Bytes, Shared> logs_;                    // by digest
  std::unordered_map<std::string, Entry> by_node_;  // by node UID
  std::list<std::string> recency_;                  // node UIDs, the latest first
};

}  // namespace plimsoll::controller::ingest
