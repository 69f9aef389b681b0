#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/random.h"

namespace plimsoll::controller::ingest {

struct OutstandingLimits {
  std::chrono::seconds lifetime;  // by the monotonic clock
  size_t per_owner;               // one more drops the owner's oldest
  size_t total;                   // one more drops the oldest of all
};

// Questions that this process has asked and that may be answered once: by whom they were put to,
// before they run out. Kept in memory alone, so that nothing asked before a restart can be answered
// after it. Ids are 128 random bits. Thread-safe.
template <class T>
class Outstanding {
 public:
  Outstanding(const Clock& clock, Random& random, OutstandingLimits limits)
      : clock_(clock), random_(random), limits_(limits) {}

  // Keeps `item` for `owner` and returns its id.
  std::string Put(const std::string& owner, T item) {
    std::array<uint8_t, 16> bytes{};
    random_.Fill(bytes);
    std::string id = ToHex(bytes);
    const std::lock_guard lock(mutex_);
    DropExpired();
    std::vector<Position>& own = by_owner_[owner];
    if (own.size() >= limits_.per_owner) {
      Drop(own.front());
    }
    if (entries_.size() >= limits_.total) {
      Drop(entries_.begin());
    }
    entries_.push_back({id, owner, clock_.Monotonic() + limits_.lifetime, std::move(item)});
    const Position position = std::prev(entries_.end());
    by_id_.emplace(position->id, position);
    by_owner_[owner].push_back(position);
    return id;
  }

  // The item of that id, which is then gone; nullopt when there is none for `owner`. Another's item
  // stays as it is.
  std::optional<T> Take(std::string_view id, std::string_view owner) {
    const std::lock_guard lock(mutex_);
    DropExpired();
    const auto found = by_id_.find(id);
    if (found == by_id_.end() || found->second->owner != owner) {
      return std::nullopt;
    }
    const Position position = found->second;
    std::optional<T> item(std::move(position->item));
    Drop(position);
    return item;
  }

  // Drops all of `owner`.
  void Forget(const std::string& owner) {
    const std::lock_guard lock(mutex_);
    const auto found = by_owner_.find(owner);
    if (found == by_owner_.end()) {
      return;
    }
    for (const Position position : std::vector<Position>(found->second)) {
      Drop(position);
    }
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    std::string id;
    std::string owner;
    MonotonicTime expires;
    T item;
  };
  using Position = typename std::list<Entry>::iterator;

  // All live equally long, so the oldest are the first to go.
  void DropExpired() {
    const MonotonicTime now = clock_.Monotonic();
    while (!entries_.empty() && entries_.front().expires <= now) {
      Drop(entries_.begin());
    }
  }

  void Drop(Position position) {
    by_id_.erase(position->id);
    const auto owner = by_owner_.find(position->owner);
    std::vector<Position>& own = owner->second;
    own.erase(std::find(own.begin(), own.end(), position));
    if (own.empty()) {
      by_owner_.erase(owner);
    }
    entries_.erase(position);
  }

  const Clock& clock_;
  Random& random_;
  const OutstandingLimits limits_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;                               // oldest first
  std::unordered_map<std::string_view, Position> by_id_;   // keys live in entries_
  std::map<std::string, std::vector<Position>> by_owner_;  // oldest first
};

}  // namespace plimsoll::controller::ingest
