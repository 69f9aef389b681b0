#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace plimsoll::http {

// A request target in origin form (RFC 9112, 3.2.1), decoded once and then never again.
struct Target {
  std::string path;
  Parameters query;
};

// Fails with kMalformed on anything that two programs could read differently: another form, a
// fragment, an encoded slash, an empty or dot segment, bytes that are not printable ASCII after
// decoding, a broken escape, a repeated query key. A trailing slash is an empty segment.
Result<Target> ParseTarget(std::string_view text);

// "/a/b" is {"a", "b"}; "/" is {}.
std::vector<std::string_view> SplitPath(std::string_view path);

}  // namespace plimsoll::http
