#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

// Reading the API server's large answers without building a tree of them: objects are cut out as
// text, and each is left to its decoder. Private to this module.
namespace plimsoll::kube {

struct ListPage {
  std::string resource_version;
  std::string continue_token;  // empty on the last page
};

// Calls `item` with each element of `items`, which is valid during the call.
Result<ListPage> ForEachItem(std::string_view list_json,
                             const std::function<void(std::string_view)>& item);

// metadata.resourceVersion of an object, which need not have a name (bookmarks have none).
Result<std::string> ResourceVersionOf(std::string_view object_json);

}  // namespace plimsoll::kube
