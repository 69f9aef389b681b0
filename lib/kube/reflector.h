#pragma once

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "kube/client.h"
#include "kube/watch.h"

namespace plimsoll::kube {

// What a Reflector fills. All calls come from the thread that runs it.
class ReflectorSink {
 public:
  virtual ~ReflectorSink() = default;

  // A list: Begin, then every object, then Commit (the collection is exactly what was listed) or
  // Abandon (the list broke off; forget it).
  virtual void BeginList() = 0;
  virtual void Listed(std::string_view object_json) = 0;
  virtual void CommitList() = 0;
  virtual void AbandonList() = 0;

  // One event of a watch: the object was added or modified, or deleted (with its last state).
  virtual void Applied(std::string_view object_json) = 0;
  virtual void Deleted(std::string_view object_json) = 0;

  // A list or watch failed; the reflector goes on by itself.
  virtual void Failed(const Error& error) = 0;
};

struct ReflectorOptions {
  ResourceRef resource;  // a collection; with a name only that object is listed and watched
  std::string field_selector = {};
  std::string label_selector = {};
  std::chrono::milliseconds backoff_base{800};
  std::chrono::milliseconds backoff_cap{30'000};
  std::chrono::seconds watch_timeout{
      300};  // a watch takes this, times a random factor between 1 and 2
};

// Keeps a sink equal to a collection of the API server: lists in pages, then watches from there,
// for ever.
//
// The behaviour is that of client-go's reflector: the position moves with every event and bookmark;
// the server's ending a watch is normal and the next begins where it ended; 410 or an ERROR event
// "Expired" lists again; other failures wait 0.8 s to 30 s with jitter, or as long as Retry-After
// says.
class Reflector {
 public:
  Reflector(Client& client, const Clock& clock, Random& random, ReflectorOptions options,
            ReflectorSink& sink);

  // Runs until `stop` is requested.
  void Run(std::stop_token stop);

  // The last time when the server said something: a list, a watch that began, an event or a
  // bookmark. The epoch when it never did. Thread-safe.
  MonotonicTime LastContact() const { return last_contact_; }

 private:
  Status ListAll(std::stop_token stop);
  Result<std::string> ListPages(std::stop_token stop);  // the position behind the list
  Status WatchOnce(std::stop_token stop);
  Status Consume(const WatchEvent& event);

  Client& client_;
  const Clock& clock_;
  Random& random_;
  const ReflectorOptions options_;
  ReflectorSink& sink_;
  Backoff backoff_;
  std::string position_;  // the resourceVersion up to which the sink is equal
  std::atomic<MonotonicTime> last_contact_{};
};

}  // namespace plimsoll::kube
