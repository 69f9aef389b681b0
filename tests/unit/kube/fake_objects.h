#pragma once

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "fakes/fake_transport.h"

namespace plimsoll::kube {

// A store of objects behind a FakeTransport: GET, POST, PUT with resourceVersion and merge PATCH,
// as far as leases and events need them. Thread-safe.
class FakeObjects {
 public:
  explicit FakeObjects(fakes::FakeTransport& transport) {
    transport.SetHandler([this](const transport::HttpRequest& request) { return Serve(request); });
  }

  // While down every request fails as on a dead connection.
  void SetDown(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
  }

  // The next POST or PUT takes effect, but its answer is that of a second, identical request.
  void RepeatNextWrite() {
    const std::lock_guard lock(mutex_);
    repeat_ = true;
  }

  nlohmann::json Get(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(path);
    return found == objects_.end() ? nlohmann::json() : found->second;
  }

  void Put(const std::string& path, nlohmann::json object) {
    const std::lock_guard lock(mutex_);
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[path] = std::move(object);
  }

  void Erase(const std::string& path) {
    const std::lock_guard lock(mutex_);
    objects_.erase(path);
  }

  std::map<std::string, nlohmann::json> All() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }

 private:
  Result<transport::HttpResponse> Serve(const transport::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    if (down_) {
      return Fail(ErrorCode::kUnavailable, "down", Retry::kBackoff);
    }
    transport::HttpResponse response = Apply(request);
    if (request.method != "GET" && std::exchange(repeat_, false)) {
      response = Apply(request);
    }
    return response;
  }

  transport::HttpResponse Apply(const transport::HttpRequest& request) {
    std::string path = request.path_and_query;
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    if (request.method == "POST") {
      path += "/" + body["metadata"]["name"].get<std::string>();
      return objects_.contains(path) ? Refuse(409, "AlreadyExists") : Store(path, body);
    }
    const auto found = objects_.find(path);
    if (found == objects_.end()) {
      return Refuse(404, "NotFound");
    }
    if (request.method == "GET") {
      return {200, {}, found->second.dump()};
    }
    if (request.method == "PUT") {
      const bool stale =
          body["metadata"]["resourceVersion"] != found->second["metadata"]["resourceVersion"];
      return stale ? Refuse(409, "Conflict") : Store(path, body);
    }
    nlohmann::json merged = found->second;
    merged.merge_patch(body);
    return Store(path, merged);
  }

  transport::HttpResponse Store(const std::string& path, nlohmann::json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[path] = object;
    return {200, {}, object.dump()};
  }

  static transport::HttpResponse Refuse(int status, const std::string& reason) {
    return {status, {}, nlohmann::json({{"reason", reason}}).dump()};
  }

  mutable std::mutex mutex_;
  std::map<std::string, nlohmann::json> objects_;
  int version_ = 0;
  bool down_ = false;
  bool repeat_ = false;
};

}  // namespace plimsoll::kube
