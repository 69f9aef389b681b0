#include "fakes/fake_api_server.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/clock.h"

namespace plimsoll::fakes {
namespace {

using nlohmann::json;
using transport::HttpRequest;
using transport::HttpResponse;

HttpResponse Answer(int status, const json& body) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = body.dump()};
}

HttpResponse Failure(int status, const std::string& reason, const std::string& message) {
  return Answer(status, {{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"status", "Failure"},
                         {"code", status},
                         {"reason", reason},
                         {"message", message}});
}

std::string Text(const json& object, const char* section, const char* field) {
  return object.contains(section) ? object[section].value(field, "") : "";
}

// Server-side apply, as far as the controller uses it.
void Merge(json& into, const json& from) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object()) {
      if (!into[key].is_object()) {
        into[key] = json::object();
      }
      Merge(into[key], value);
    } else if (key == "conditions" && value.is_array()) {
      json& list = into[key];
      for (const json& condition : value) {
        bool found = false;
        for (json& present : list) {
          if (present["type"] == condition["type"]) {
            present.merge_patch(condition);
            found = true;
          }
        }
        if (!found) {
          list.push_back(condition);
        }
      }
    } else {
      into[key] = value;
    }
  }
}

}  // namespace

struct FakeApiServer::Target {
  std::string path;         // of the object, or of the collection
  std::string name;         // empty for the collection
  std::string subresource;  // "status"
  std::string query;
};

// /api/v1/nodes/worker-1/status, /apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME
FakeApiServer::Target FakeApiServer::Parse(const std::string& path_and_query) {
  Target target;
  const size_t question = path_and_query.find('?');
  const std::string path = path_and_query.substr(0, question);
  target.query = question == std::string::npos ? "" : path_and_query.substr(question + 1);
  std::vector<std::string> parts;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  size_t plural = parts.at(0) == "api" ? 2 : 3;
  if (parts.size() > plural + 2 && parts.at(plural) == "namespaces") {
    plural += 2;
  }
  for (size_t i = 0; i < parts.size() && i <= plural + 1; ++i) {
    target.path += "/" + parts[i];
  }
  target.name = parts.size() > plural + 1 ? parts[plural + 1] : "";
  target.subresource = parts.size() > plural + 2 ? parts[plural + 2] : "";
  return target;
}

void FakeApiServer::Intercept(Interceptor interceptor) {
  const std::lock_guard lock(mutex_);
  interceptor_ = std::move(interceptor);
}

void FakeApiServer::Spoil(Spoiler spoiler) {
  const std::lock_guard lock(mutex_);
  spoiler_ = std::move(spoiler);
}

void FakeApiServer::Observe(Observer observer) {
  const std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

json FakeApiServer::Put(const kube::ResourceRef& ref, json object) {
  const std::lock_guard lock(mutex_);
  object["apiVersion"] = kube::ApiVersion(ref.kind);
  object["kind"] = ref.kind.kind;
  object["metadata"]["name"] = ref.name;
  return Store(kube::ResourcePath(ref), std::move(object));
}

json FakeApiServer::Find(const kube::ResourceRef& ref) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(kube::ResourcePath(ref));
  return found == objects_.end() ? json() : found->second;
}

std::vector<json> FakeApiServer::All(const kube::ResourceKind& kind) const {
  const std::lock_guard lock(mutex_);
  std::vector<json> all;
  // Objects of a namespaced kind are in several collections.
  const std::string collection = kind.namespaced ? "" : kube::ResourcePath({kind, ""}) + "/";
  for (auto entry = objects_.lower_bound(collection);
       entry != objects_.end() && entry->first.starts_with(collection); ++entry) {
    if (entry->second["kind"] == kind.kind) {
      all.push_back(entry->second);
    }
  }
  return all;
}

void FakeApiServer::Remove(const kube::ResourceRef& ref) {
  const std::lock_guard lock(mutex_);
  objects_.erase(kube::ResourcePath(ref));
}

void FakeApiServer::Edit(const kube::ResourceRef& ref, const std::function<void(json&)>& change) {
  const std::lock_guard lock(mutex_);
  json object = objects_.at(kube::ResourcePath(ref));
  const json spec = object["spec"];
  change(object);
  if (object["spec"] != spec) {
    object["metadata"]["generation"] = object["metadata"].value("generation", 0) + 1;
  }
  Store(kube::ResourcePath(ref), std::move(object));
}

std::vector<std::string> FakeApiServer::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

void FakeApiServer::ClearLog() {
  const std::lock_guard lock(mutex_);
  log_.clear();
}

void FakeApiServer::SetNow(int64_t now) {
  const std::lock_guard lock(mutex_);
  now_ = now;
}

Result<HttpResponse> FakeApiServer::Send(const HttpRequest& request, std::stop_token) {
  Interceptor interceptor;
  Spoiler spoiler;
  {
    const std::lock_guard lock(mutex_);
    interceptor = interceptor_;
    spoiler = spoiler_;
  }
  if (interceptor) {
    if (auto answer = interceptor(request)) {
      return *std::move(answer);
    }
  }
  HttpResponse response;
  {
    const std::lock_guard lock(mutex_);
    log_.push_back(request.method + " " +
                   request.path_and_query.substr(0, request.path_and_query.find('?')));
    response = Serve(request);
  }
  if (spoiler) {
    if (auto answer = spoiler(request, response)) {
      return *std::move(answer);
    }
  }
  return response;
}

Result<transport::StreamResponse> FakeApiServer::OpenStream(const HttpRequest&, std::stop_token) {
  return Fail(ErrorCode::kUnavailable, "the fake API server has no watches", Retry::kBackoff);
}

HttpResponse FakeApiServer::Serve(const HttpRequest& request) {
  const Target target = Parse(request.path_and_query);
  if (request.method == "GET") {
    return target.name.empty() ? List(target) : Get(target);
  }
  const json body =
      request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
  if (body.is_discarded()) {
    return Failure(400, "BadRequest", "the body is not JSON");
  }
  if (request.method == "POST") {
    return Create(target, body);
  }
  return request.method == "DELETE" ? Delete(target, body) : Change(target, request, body);
}

HttpResponse FakeApiServer::Get(const Target& target) {
  const auto found = objects_.find(target.path);
  return found == objects_.end() ? Failure(404, "NotFound", target.path + " not found")
                                 : Answer(200, found->second);
}

HttpResponse FakeApiServer::List(const Target& target) {
  json items = json::array();
  for (const auto& [path, object] : objects_) {
    if (path.starts_with(target.path + "/")) {
      items.push_back(object);
    }
  }
  return Answer(200, {{"kind", "List"},
                      {"apiVersion", "v1"},
                      {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                      {"items", std::move(items)}});
}

HttpResponse FakeApiServer::Create(const Target& target, json body) {
  const std::string name = Text(body, "metadata", "name");
  const std::string path = target.path + "/" + name;
  if (name.empty()) {
    return Failure(422, "Invalid", "metadata.name is required");
  }
  if (objects_.count(path) != 0) {
    return Failure(409, "AlreadyExists", path + " already exists");
  }
  body.erase("status");
  return Answer(201, Store(path, std::move(body)));
}

HttpResponse FakeApiServer::Change(const Target& target, const HttpRequest& request,
                                   const json& body) {
  const auto found = objects_.find(target.path);
  const std::string uid = Text(body, "metadata", "uid");
  const std::string version = Text(body, "metadata", "resourceVersion");
  const std::string* type = nullptr;
  for (const auto& [name, value] : request.headers) {
    type = name == "Content-Type" ? &value : type;
  }
  const bool patch = request.method == "PATCH";
  const bool apply = patch && type != nullptr && *type == "application/apply-patch+yaml";
  if (patch && !apply && (type == nullptr || *type != "application/merge-patch+json")) {
    return Failure(415, "UnsupportedMediaType", "patch type is not imitated");
  }
  if (apply && target.query.find("fieldManager=") == std::string::npos) {
    return Failure(422, "Invalid", "fieldManager is required");
  }
  if (found == objects_.end()) {
    // As the real one: an apply creates what is absent, unless it names a uid.
    if (apply && uid.empty()) {
      return Answer(201, Store(target.path, body));
    }
    return apply ? Failure(409, "Conflict", "uid mismatch: no existing object was found")
                 : Failure(404, "NotFound", target.path + " not found");
  }
  const json before = found->second;
  if (!uid.empty() && uid != Text(before, "metadata", "uid")) {
    return Failure(409, "Conflict", "uid mismatch");
  }
  if (!version.empty() && version != Text(before, "metadata", "resourceVersion")) {
    return Failure(409, "Conflict", "the object has been modified");
  }
  json changed = before;
  if (apply) {
    Merge(changed, body);
  } else if (patch) {
    changed.merge_patch(body);
  } else {
    changed = body;
  }
  json after = before;
  if (target.subresource == "status") {
    after["status"] = changed.value("status", json::object());
  } else {
    after = changed;
    after["metadata"]["uid"] = before["metadata"]["uid"];
    after["metadata"]["creationTimestamp"] = before["metadata"]["creationTimestamp"];
    after["metadata"]["generation"] = before["metadata"]["generation"];
    if (before.contains("status")) {
      after["status"] = before["status"];
    }
    if (after.value("spec", json()) != before.value("spec", json())) {
      after["metadata"]["generation"] = before["metadata"]["generation"].get<int64_t>() + 1;
    }
  }
  after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"];
  if (after == before) {
    return Answer(200, before);
  }
  return Answer(200, Store(target.path, std::move(after)));
}

HttpResponse FakeApiServer::Delete(const Target& target, const json& body) {
  const auto found = objects_.find(target.path);
  if (found == objects_.end()) {
    return Failure(404, "NotFound", target.path + " not found");
  }
  for (const char* field : {"uid", "resourceVersion"}) {
    const std::string wanted = Text(body, "preconditions", field);
    if (!wanted.empty() && wanted != Text(found->second, "metadata", field)) {
      return Failure(409, "Conflict", fmt::format("precondition failed: {}", field));
    }
  }
  objects_.erase(found);
  return Answer(200, {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}});
}

json FakeApiServer::Store(const std::string& path, json object) {
  json& metadata = object["metadata"];
  if (!metadata.contains("uid")) {
    metadata["uid"] = fmt::format("00000000-0000-4000-8000-{:012d}", ++uids_);
  }
  if (!metadata.contains("generation")) {
    metadata["generation"] = 1;
  }
  if (!metadata.contains("creationTimestamp")) {
    metadata["creationTimestamp"] = FormatTime(WallTime(std::chrono::seconds(now_)));
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  objects_[path] = object;
  if (observer_) {
    observer_(path, object);
  }
  return object;
}

}  // namespace plimsoll::fakes
