#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "kube/client.h"
#include "kube/reflector.h"
#include "kube/resource.h"

namespace plimsoll::kube {

enum class ChangeType {
  kAdded,
  kModified,  // also a previously undecodable object that now decodes
  kDeleted,
  kUndecodable,  // the object is there but cannot be read; its last good version is gone from the
                 // store
};

template <class T>
struct Change {
  ChangeType type;
  std::string name;                 // "name", or "namespace/name" for namespaced kinds
  std::shared_ptr<const T> before;  // null when there was none
  std::shared_ptr<const T> now;     // null when deleted or undecodable
};

// A local copy of a collection of objects, kept equal to the API server's by a thread of its own
// (see Reflector).
//
// T has a member `ObjectMeta meta`. An object that does not decode stops nothing: it is kept under
// Undecodable(), and an earlier good version of it is dropped, so that nobody judges with stale
// content. After a list all changes that happened unseen are reported, deletions too; objects whose
// resourceVersion did not change are not.
//
// Subscribe and OnError before Start. Everything else is thread-safe. Callbacks run on the
// informer's thread, without a lock, after the store has changed; they should be short, and must
// not destroy the informer.
template <class T>
class Informer final : private ReflectorSink {
 public:
  using Decoder = std::function<Result<T>(std::string_view object_json)>;
  using ChangeHandler = std::function<void(const Change<T>&)>;
  using ErrorHandler = std::function<void(
      const std::string& name, const Error&)>;  // an empty name: the list or watch itself failed

  Informer(Client& client, const Clock& clock, Random& random, ReflectorOptions options,
           Decoder decoder)
      : clock_(clock),
        decoder_(std::move(decoder)),
        reflector_(client, clock, random, std::move(options), *this) {}
  ~Informer() override { Stop(); }
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  void Subscribe(ChangeHandler handler) { handlers_.push_back(std::move(handler)); }
  void OnError(ErrorHandler handler) { error_handlers_.push_back(std::move(handler)); }

  void Start() {
    thread_ = std::jthread([this](std::stop_token stop) { reflector_.Run(stop); });
  }

  // Ends the thread; the store stays as it is.
  void Stop() {
    thread_.request_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  // Null when there is no such object, or it does not decode.
  std::shared_ptr<const T> Get(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : found->second.object;
  }

  // All objects that decode, by name.
  std::vector<std::shared_ptr<const T>> List() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const T>> objects;
    objects.reserve(entries_.size());
    for (const auto& [name, entry] : entries_) {
      if (entry.object) {
        objects.push_back(entry.object);
      }
    }
    return objects;
  }

  // The names of the objects that do not decode, and why.
  std::map<std::string, Error> Undecodable() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Error> undecodable;
    for (const auto& [name, entry] : entries_) {
      if (!entry.object) {
        undecodable.emplace(name, entry.error);
      }
    }
    return undecodable;
  }

  // Whether the collection has been listed once: until then an absent object means nothing.
  bool HasSynced() const {
    const std::lock_guard lock(mutex_);
    return committed_;
  }

  // Waits for that; false when `timeout` passes or `stop` is requested first.
  bool WaitForSync(std::chrono::milliseconds timeout, std::stop_token stop = {}) const {
    std::unique_lock lock(mutex_);
    return listed_.wait_for(lock, stop, timeout, [this] { return committed_; });
  }

  // How long ago the server last confirmed the picture; MonotonicTime's whole range when it never
  // did. About a minute is normal.
  std::chrono::nanoseconds LastSyncAge() const {
    const MonotonicTime last = reflector_.LastContact();
    return last == MonotonicTime{} ? std::chrono::nanoseconds::max() : clock_.Monotonic() - last;
  }

 private:
  struct Entry {
    std::shared_ptr<const T> object;  // null: undecodable
    std::string resource_version;
    Error error;
  };

  void BeginList() override { listing_.clear(); }

  void Listed(std::string_view object_json) override {
    auto [name, entry] = Decode(object_json);
    if (!name.empty()) {
      listing_.insert_or_assign(std::move(name), std::move(entry));
    }
  }

  void CommitList() override {
    std::vector<std::pair<Change<T>, Error>> changes;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, entry] : entries_) {
        if (!listing_.contains(name)) {
          changes.emplace_back(Change<T>{ChangeType::kDeleted, name, entry.object, nullptr},
                               Error{});
        }
      }
      for (const auto& [name, entry] : listing_) {
        const auto old = entries_.find(name);
        if (old == entries_.end()) {
          changes.emplace_back(ChangeOf(name, nullptr, entry), entry.error);
        } else if (old->second.resource_version != entry.resource_version) {
          changes.emplace_back(ChangeOf(name, &old->second, entry), entry.error);
        }
      }
      entries_ = std::move(listing_);
      listing_.clear();
      committed_ = true;
    }
    listed_.notify_all();
    for (const auto& [change, error] : changes) {
      Report(change, error);
    }
  }

  void AbandonList() override { listing_.clear(); }

  void Applied(std::string_view object_json) override {
    auto [name, entry] = Decode(object_json);
    if (name.empty()) {
      return;
    }
    const Error error = entry.error;
    Change<T> change;
    {
      const std::lock_guard lock(mutex_);
      const auto old = entries_.find(name);
      change = ChangeOf(name, old == entries_.end() ? nullptr : &old->second, entry);
      entries_.insert_or_assign(name, std::move(entry));
    }
    Report(change, error);
  }

  void Deleted(std::string_view object_json) override {
    const Result<ObjectMeta> meta = ParseObjectMeta(object_json);
    if (!meta) {
      Failed(meta.error());
      return;
    }
    Change<T> change{ChangeType::kDeleted, KeyOf(*meta), nullptr, nullptr};
    {
      const std::lock_guard lock(mutex_);
      const auto old = entries_.find(change.name);
      if (old == entries_.end()) {
        return;
      }
      change.before = std::move(old->second.object);
      entries_.erase(old);
    }
    Report(change, {});
  }

  void Failed(const Error& error) override {
    for (const ErrorHandler& handler : error_handlers_) {
      handler("", error);
    }
  }

  static std::string KeyOf(const ObjectMeta& meta) {
    return meta.namespace_name.empty() ? meta.name : meta.namespace_name + "/" + meta.name;
  }

  // An empty name when the object is so broken that it has none; that has been reported then.
  std::pair<std::string, Entry> Decode(std::string_view object_json) {
    Result<T> object = decoder_(object_json);
    if (object) {
      std::string name = KeyOf(object->meta);
      std::string version = object->meta.resource_version;
      return {std::move(name),
              Entry{std::make_shared<const T>(*std::move(object)), std::move(version), {}}};
    }
    const Result<ObjectMeta> meta = ParseObjectMeta(object_json);
    if (!meta) {
      Failed(meta.error());
      return {};
    }
    return {KeyOf(*meta), Entry{nullptr, meta->resource_version, object.error()}};
  }

  static Change<T> ChangeOf(const std::string& name, const Entry* old, const Entry& now) {
    const ChangeType type = !now.object      ? ChangeType::kUndecodable
                            : old == nullptr ? ChangeType::kAdded
                                             : ChangeType::kModified;
    return {type, name, old == nullptr ? nullptr : old->object, now.object};
  }

  void Report(const Change<T>& change, const Error& error) {
    if (change.type == ChangeType::kUndecodable) {
      for (const ErrorHandler& handler : error_handlers_) {
        handler(change.name, error);
      }
    }
    for (const ChangeHandler& handler : handlers_) {
      handler(change);
    }
  }

  const Clock& clock_;
  const Decoder decoder_;
  Reflector reflector_;
  std::vector<ChangeHandler> handlers_;
  std::vector<ErrorHandler> error_handlers_;
  std::map<std::string, Entry> listing_;  // of the list that is running; only the informer's thread

  mutable std::mutex mutex_;
  mutable std::condition_variable_any listed_;
  std::map<std::string, Entry> entries_;
  bool committed_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace plimsoll::kube
