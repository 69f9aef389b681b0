#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/result.h"
#include "kube/client.h"
#include "kube/resource.h"

namespace plimsoll::kube {

enum class EventType { kNormal, kWarning };

// What an event is about.
struct EventSubject {
  ResourceKind kind;
  std::string name;
  std::string uid;                  // kubectl describe finds events by it
  std::string namespace_name = {};  // events about cluster-scoped objects are kept in "default"
};

struct EventRecorderOptions {
  std::string reporting_controller = "plimsoll-controller";
  std::string reporting_instance;  // the Pod's name
  size_t queue_capacity = 4096;

  // Requests a second, and how many may come at once after a pause.
  double rate = 20;
  double burst = 100;

  // A repetition counts up the event instead of making another, until there was none for
  // `series_window`. It is written at most once per `series_write_interval`; what comes in between
  // is counted, and written with the next.
  std::chrono::seconds series_window{360};
  std::chrono::milliseconds series_write_interval{5'000};

  // How long after the first failure, doubled each time, a write that the server could not take is
  // tried again; five attempts in all.
  std::chrono::milliseconds retry_delay{1'000};

  std::function<void(const Error&)> on_error = {};  // called on the recorder's thread
};

// Writes events.k8s.io/v1 Events, on a thread of its own. Events are for people: what cannot be
// written is dropped and counted, and nobody waits for it.
//
// The name of an event is made of the subject's uid, reason and note, so that a request that
// arrives twice, or another replica, makes no second one; repetitions become its series.
// Thread-safe.
class EventRecorder {
 public:
  EventRecorder(Client& client, const Clock& clock, EventRecorderOptions options);
  ~EventRecorder();  // drops what is queued
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // Queues one event. `reason` and `action` are CamelCase words; `note` is a sentence, cut to 1
  // KiB, invalid UTF-8 replaced. Never blocks.
  void Record(EventSubject subject, EventType type, std::string reason, std::string action,
              std::string note);

  // Events that were not written: the queue was full, or the server did not take them.
  uint64_t dropped() const { return dropped_; }

 private:
  struct Event {
    EventSubject subject;
    EventType type;
    std::string reason;
    std::string action;
    std::string note;
    WallTime time;
  };
  struct Series {
    int64_t count = 0;  // occurrences; 0: the event is not known to be on the server
    MonotonicTime seen;
    MonotonicTime written;
  };

  void Run(std::stop_token stop);
  void Handle(const Event& event, std::stop_token stop);
  Status Write(const Event& event, const ResourceRef& ref, Series& series, std::stop_token stop);
  Status CreateEvent(const Event& event, const ResourceRef& ref, std::stop_token stop);
  Result<int64_t> CountOnServer(const Event& event, const ResourceRef& ref, std::stop_token stop);
  Status CountUp(const Event& event, const ResourceRef& ref, int64_t count, std::stop_token stop);
  bool WaitForRate(std::stop_token stop);

  Client& client_;
  const Clock& clock_;
  const EventRecorderOptions options_;
  BoundedQueue<Event> queue_;
  std::atomic<uint64_t> dropped_ = 0;
  std::map<std::string, Series> series_;  // by event name; only the recorder's thread
  double allowance_;                      // requests that may be made now
  MonotonicTime allowance_at_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace plimsoll::kube
