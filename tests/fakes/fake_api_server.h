#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kube/lookup.h"
#include "kube/resource.h"
#include "kube/transport/transport.h"

namespace plimsoll::fakes {

// A Kubernetes API server in memory, behind the client's transport: get, list, create, PUT, merge
// patch, server-side apply and delete, on objects and their /status, with the checks of uid and
// resourceVersion that compare-and-swap rests on. No schemas, no authentication, no watch
// (OpenStream fails with kUnavailable). Server-side apply merges labels by key and conditions by
// type, and removes nothing. Thread-safe.
class FakeApiServer final : public transport::Transport {
 public:
  // Looks at a request before it is served: an answer, or nullopt to serve it. Runs without a lock,
  // so that it may change objects: an "other writer".
  using Interceptor =
      std::function<std::optional<Result<transport::HttpResponse>>(const transport::HttpRequest&)>;
  void Intercept(Interceptor interceptor);

  // Looks at the answer of a request that was served, and may replace it: an answer that was lost.
  using Spoiler = std::function<std::optional<Result<transport::HttpResponse>>(
      const transport::HttpRequest&, const transport::HttpResponse&)>;
  void Spoil(Spoiler spoiler);

  // Sees every version that a write leaves of an object, in order; runs under the lock.
  using Observer = std::function<void(const std::string& path, const nlohmann::json& object)>;
  void Observe(Observer observer);

  // Writes an object as it is given; uid, generation, resourceVersion and creationTimestamp are
  // filled in where absent. Returns it as stored.
  nlohmann::json Put(const kube::ResourceRef& ref, nlohmann::json object);

  // The object, or null.
  nlohmann::json Find(const kube::ResourceRef& ref) const;
  std::vector<nlohmann::json> All(const kube::ResourceKind& kind) const;
  void Remove(const kube::ResourceRef& ref);

  // Changes an object as another client would; generation grows where `change` alters spec.
  void Edit(const kube::ResourceRef& ref, const std::function<void(nlohmann::json&)>& change);

  // Requests that were served, as "PATCH /api/v1/nodes/worker-1/status".
  std::vector<std::string> log() const;
  void ClearLog();

  // Seconds since 1970 that new objects get as creationTimestamp.
  void SetNow(int64_t now);

  Result<transport::HttpResponse> Send(const transport::HttpRequest& request,
                                       std::stop_token stop) override;
  Result<transport::StreamResponse> OpenStream(const transport::HttpRequest& request,
                                               std::stop_token stop) override;

 private:
  struct Target;
  static Target Parse(const std::string& path_and_query);
  transport::HttpResponse Serve(const transport::HttpRequest& request);
  transport::HttpResponse Get(const Target& target);
  transport::HttpResponse List(const Target& target);
  transport::HttpResponse Create(const Target& target, nlohmann::json body);
  transport::HttpResponse Change(const Target& target, const transport::HttpRequest& request,
                                 const nlohmann::json& body);
  transport::HttpResponse Delete(const Target& target, const nlohmann::json& body);
  nlohmann::json Store(const std::string& path, nlohmann::json object);

  mutable std::mutex mutex_;
  std::map<std::string, nlohmann::json> objects_;  // by path
  std::vector<std::string> log_;
  Interceptor interceptor_;
  Spoiler spoiler_;
  Observer observer_;
  int64_t version_ = 1000;
  int64_t uids_ = 0;
  int64_t now_ = 1'795'507'200;  // as FakeClock begins
};

// A lookup that reads the server's present objects, as an informer without delay would; or those of
// the moment when it was frozen, as one that is behind.
template <class T>
class ApiLookup final : public kube::Lookup<T> {
 public:
  ApiLookup(const FakeApiServer& server, kube::ResourceKind kind) : server_(server), kind_(kind) {}

  std::shared_ptr<const T> Get(const std::string& name) const override {
    for (const auto& object : List()) {
      if (object->meta.name == name) {
        return object;
      }
    }
    return nullptr;
  }
  std::vector<std::shared_ptr<const T>> List() const override {
    const std::lock_guard lock(mutex_);
    return frozen_ ? *frozen_ : Read();
  }

  void Freeze() {
    const std::lock_guard lock(mutex_);
    frozen_ = Read();
  }
  void Thaw() {
    const std::lock_guard lock(mutex_);
    frozen_.reset();
  }

 private:
  std::vector<std::shared_ptr<const T>> Read() const {
    std::vector<std::shared_ptr<const T>> objects;
    for (const auto& json : server_.All(kind_)) {
      if (auto parsed = T::Parse(json.dump())) {
        objects.push_back(std::make_shared<const T>(*std::move(parsed)));
      }
    }
    return objects;
  }

  const FakeApiServer& server_;
  const kube::ResourceKind kind_;
  mutable std::mutex mutex_;
  std::optional<std::vector<std::shared_ptr<const T>>> frozen_;
};

}  // namespace plimsoll::fakes
