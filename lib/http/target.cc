#include "http/target.h"

#include <utility>

namespace plimsoll::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

// `refused` are characters that may stand neither plain nor escaped.
Result<std::string> Decode(std::string_view text, std::string_view refused) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) {
        return Fail(ErrorCode::kMalformed, "the target ends within an escape");
      }
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) {
        return Fail(ErrorCode::kMalformed, "the target has an escape that is not hexadecimal");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c < 0x20 || c > 0x7e || refused.find(c) != std::string_view::npos) {
      return Fail(ErrorCode::kMalformed, "the target has a character that is not allowed");
    }
    decoded.push_back(c);
  }
  return decoded;
}

Result<std::string> ParsePath(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  size_t at = 1;
  while (true) {
    const size_t end = text.find('/', at);
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string segment, Decode(text.substr(at, end - at), "/\\ "));
    if (segment.empty() || segment == "." || segment == "..") {
      return Fail(ErrorCode::kMalformed, "the path has an empty or dot segment");
    }
    path.push_back('/');
    path += segment;
    if (end == std::string_view::npos) {
      return path;
    }
    at = end + 1;
  }
}

Result<Parameters> ParseQuery(std::string_view text) {
  Parameters query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() == text.size() ? pair.size() : pair.size() + 1);
    const size_t equals = pair.find('=');
    PLIMSOLL_ASSIGN_OR_RETURN(std::string key, Decode(pair.substr(0, equals), ""));
    std::string value;
    if (equals != std::string_view::npos) {
      PLIMSOLL_ASSIGN_OR_RETURN(value, Decode(pair.substr(equals + 1), ""));
    }
    if (key.empty() || !query.try_emplace(std::move(key), std::move(value)).second) {
      return Fail(ErrorCode::kMalformed, "the query has an empty or repeated key");
    }
  }
  return query;
}

}  // namespace

Result<Target> ParseTarget(std::string_view text) {
  if (text.empty() || text.front() != '/') {
    return Fail(ErrorCode::kMalformed, "the target is not in origin form");
  }
  if (text.find('#') != std::string_view::npos) {
    return Fail(ErrorCode::kMalformed, "the target has a fragment");
  }
  const size_t mark = text.find('?');
  const std::string_view path = text.substr(0, mark);
  Target target;
  if (path == "/") {
    target.path = "/";
  } else {
    PLIMSOLL_ASSIGN_OR_RETURN(target.path, ParsePath(path));
  }
  if (mark != std::string_view::npos) {
    PLIMSOLL_ASSIGN_OR_RETURN(target.query, ParseQuery(text.substr(mark + 1)));
  }
  return target;
}

std::vector<std::string_view> SplitPath(std::string_view path) {
  std::vector<std::string_view> segments;
  size_t at = 1;
  while (at < path.size()) {
    const size_t end = path.find('/', at);
    segments.push_back(path.substr(at, end - at));
    if (end == std::string_view::npos) {
      break;
    }
    at = end + 1;
  }
  return segments;
}

}  // namespace plimsoll::http
