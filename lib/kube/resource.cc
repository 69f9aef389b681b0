#include "kube/resource.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "kube/text.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;

// An object in etcd is at most about 1.5 MiB; managed fields nest deepest.
constexpr JsonLimits kObjectLimits{.max_bytes = size_t{4} << 20, .max_depth = 128};

tl::unexpected<Error> WrongType(const char* field) {
  return Fail(ErrorCode::kMalformed,
              std::string("metadata.") + field + " has not the type it should have");
}

// Absent and null leave `to` as it is.
bool ReadText(const json& from, const char* key, std::string& to) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) {
    return true;
  }
  if (!found->is_string()) {
    return false;
  }
  to = found->get_ref<const std::string&>();
  return true;
}

bool ReadMap(const json& from, const char* key, std::map<std::string, std::string>& to) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) {
    return true;
  }
  if (!found->is_object()) {
    return false;
  }
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) {
      return false;
    }
    to.emplace(name, value.get_ref<const std::string&>());
  }
  return true;
}

bool ReadTime(const json& from, const char* key, std::optional<WallTime>& to) {
  std::string text;
  if (!ReadText(from, key, text)) {
    return false;
  }
  if (text.empty()) {
    return true;
  }
  const Result<WallTime> time = ParseTime(text);
  if (time) {
    to = *time;
  }
  return time.has_value();
}

}  // namespace

std::string ApiVersion(const ResourceKind& kind) {
  std::string version(kind.version);
  return kind.group.empty() ? version : std::string(kind.group) + "/" + version;
}

std::string ResourcePath(const ResourceRef& ref, std::string_view subresource) {
  std::string path = (ref.kind.group.empty() ? "/api/" : "/apis/") + ApiVersion(ref.kind);
  if (ref.kind.namespaced && !ref.namespace_name.empty()) {
    path += "/namespaces/" + PercentEncode(ref.namespace_name);
  }
  path += "/";
  path += ref.kind.plural;
  if (!ref.name.empty()) {
    path += "/" + PercentEncode(ref.name);
    if (!subresource.empty()) {
      path += "/";
      path += subresource;
    }
  }
  return path;
}

Result<ObjectMeta> ParseObjectMeta(std::string_view object_json) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, ParseJson(object_json, kObjectLimits));
  return ParseObjectMeta(object);
}

Result<ObjectMeta> ParseObjectMeta(const json& object) {
  const auto found = object.is_object() ? object.find("metadata") : object.end();
  if (found == object.end() || !found->is_object()) {
    return Fail(ErrorCode::kMalformed, "the object has no metadata");
  }
  const json& from = *found;
  ObjectMeta meta;
  const std::pair<const char*, std::string*> texts[] = {
      {"name", &meta.name},
      {"namespace", &meta.namespace_name},
      {"uid", &meta.uid},
      {"resourceVersion", &meta.resource_version},
  };
  for (const auto& [key, to] : texts) {
    if (!ReadText(from, key, *to)) {
      return WrongType(key);
    }
  }
  if (meta.name.empty()) {
    return Fail(ErrorCode::kMalformed, "the object has no name");
  }
  const auto generation = from.find("generation");
  if (generation != from.end()) {
    if (!generation->is_number_integer()) {
      return WrongType("generation");
    }
    meta.generation = generation->get<int64_t>();
  }
  if (!ReadMap(from, "labels", meta.labels)) {
    return WrongType("labels");
  }
  if (!ReadMap(from, "annotations", meta.annotations)) {
    return WrongType("annotations");
  }
  std::optional<WallTime> created;
  if (!ReadTime(from, "creationTimestamp", created)) {
    return WrongType("creationTimestamp");
  }
  meta.creation_timestamp = created.value_or(WallTime{});
  if (!ReadTime(from, "deletionTimestamp", meta.deletion_timestamp)) {
    return WrongType("deletionTimestamp");
  }
  return meta;
}

json ApplyFrame(const ResourceRef& ref, const std::string& uid,
                const std::string& resource_version) {
  json metadata = {{"name", ref.name}};
  if (!ref.namespace_name.empty()) {
    metadata["namespace"] = ref.namespace_name;
  }
  if (!uid.empty()) {
    metadata["uid"] = uid;
  }
  if (!resource_version.empty()) {
    metadata["resourceVersion"] = resource_version;
  }
  return {{"apiVersion", ApiVersion(ref.kind)},
          {"kind", std::string(ref.kind.kind)},
          {"metadata", std::move(metadata)}};
}

}  // namespace plimsoll::kube
