#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"

namespace plimsoll::controller::enforce {

// Names of objects that want attention, as client-go's rate limited work queue keeps them:
//   - a key that waits already is not added again
//   - a key that is being worked on is not given to a second worker; when it is added meanwhile it
//     comes again after Done
//   - a key that failed comes again after 5 ms, 10 ms, … up to 60 s; Forget ends that
// Holds at most one entry for each key, and never blocks who adds. Thread-safe.
class WorkQueue {
 public:
  static constexpr std::chrono::milliseconds kFirstBackoff{5};
  static constexpr std::chrono::milliseconds kMaxBackoff{60'000};

  struct Counters {
    size_t depth = 0;      // keys that wait for a worker now (workqueue_depth)
    uint64_t adds = 0;     // workqueue_adds_total
    uint64_t retries = 0;  // workqueue_retries_total
  };

  explicit WorkQueue(const Clock& clock) : clock_(clock) {}

  void Add(const std::string& key);

  // Adds the key when `delay` has passed; of several delays the first that ends counts.
  void AddAfter(const std::string& key, std::chrono::nanoseconds delay);

  // Adds the key after its backoff.
  void Retry(const std::string& key);

  // After a success: the next backoff is the first again.
  void Forget(const std::string& key);

  // The next key, waiting for one; nullopt when `stop` is requested or `timeout` passes first.
  // Every key that is got must be given back with Done.
  std::optional<std::string> Get(std::stop_token stop, std::chrono::milliseconds timeout);
  void Done(const std::string& key);

  Counters counters() const;

 private:
  void AddLocked(const std::string& key);
  void AddAfterLocked(const std::string& key, MonotonicTime due);
  void PromoteDue();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> ready_;
  std::set<std::string> waiting_;  // in ready_, or to be put there by Done
  std::set<std::string> working_;
  std::map<std::string, MonotonicTime> due_;                  // delayed keys
  std::set<std::pair<MonotonicTime, std::string>> schedule_;  // the same by time
  std::map<std::string, int> failures_;
  Counters counters_;
  uint64_t version_ = 0;  // moves with everything that a waiting worker should look at
};

}  // namespace plimsoll::controller::enforce
