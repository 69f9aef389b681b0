#include "kube/json_slices.h"

#include <simdjson.h>

namespace plimsoll::kube {
namespace {

using simdjson::ondemand::document;
using simdjson::ondemand::object;
using simdjson::ondemand::parser;

tl::unexpected<Error> NotA(const char* what, simdjson::error_code error) {
  return Fail(ErrorCode::kMalformed,
              std::string("not a Kubernetes ") + what + ": " + simdjson::error_message(error),
              Retry::kBackoff);
}

// An absent text is empty; anything but a text is an error.
simdjson::error_code ReadText(object from, std::string_view key, std::string& to) {
  std::string_view text;
  const simdjson::error_code error = from.find_field_unordered(key).get_string().get(text);
  if (error == simdjson::NO_SUCH_FIELD) {
    return simdjson::SUCCESS;
  }
  if (!error) {
    to = text;
  }
  return error;
}

}  // namespace

Result<ListPage> ForEachItem(std::string_view list_json,
                             const std::function<void(std::string_view)>& item) {
  const simdjson::padded_string text(list_json);
  parser json;
  document list;
  simdjson::error_code error = json.iterate(text).get(list);
  if (error) {
    return NotA("list", error);
  }
  ListPage page;
  object metadata;
  error = list["metadata"].get_object().get(metadata);
  if (!error) {
    error = ReadText(metadata, "resourceVersion", page.resource_version);
  }
  if (!error) {
    error = ReadText(metadata, "continue", page.continue_token);
  }
  if (error) {
    return NotA("list", error);
  }
  simdjson::ondemand::value items;
  error = list["items"].get(items);
  if (!error && items.is_null()) {
    return page;  // Go's nil slice
  }
  simdjson::ondemand::array array;
  if (!error) {
    error = items.get_array().get(array);
  }
  if (error) {
    return NotA("list", error);
  }
  for (auto element : array) {
    object entry;
    std::string_view slice;
    error = element.get_object().get(entry);
    if (!error) {
      error = entry.raw_json().get(slice);
    }
    if (error) {
      return NotA("list", error);
    }
    item(slice);
  }
  return page;
}

Result<std::string> ResourceVersionOf(std::string_view object_json) {
  const simdjson::padded_string text(object_json);
  parser json;
  document root;
  std::string_view version;
  simdjson::error_code error = json.iterate(text).get(root);
  if (!error) {
    error = root["metadata"]["resourceVersion"].get_string().get(version);
  }
  if (error || version.empty()) {
    return NotA("object", error);
  }
  return std::string(version);
}

}  // namespace plimsoll::kube
