#include "kube/watch.h"

#include <simdjson.h>

#include <array>
#include <utility>

namespace plimsoll::kube {
namespace {

constexpr std::array<std::pair<std::string_view, WatchEventType>, 5> kTypes = {{
    {"ADDED", WatchEventType::kAdded},
    {"MODIFIED", WatchEventType::kModified},
    {"DELETED", WatchEventType::kDeleted},
    {"BOOKMARK", WatchEventType::kBookmark},
    {"ERROR", WatchEventType::kError},
}};

tl::unexpected<Error> NotAnEvent(const std::string& why) {
  return Fail(ErrorCode::kMalformed, "not a watch event: " + why, Retry::kBackoff);
}

}  // namespace

Result<WatchEvent> ParseWatchEvent(const std::string& line) {
  const simdjson::padded_string text(line);
  simdjson::ondemand::parser json;
  simdjson::ondemand::document event;
  std::string_view type;
  simdjson::error_code error = json.iterate(text).get(event);
  if (!error) {
    error = event["type"].get_string().get(type);
  }
  if (error) {
    return NotAnEvent(simdjson::error_message(error));
  }
  const std::string type_name(type);  // the parser's buffer is reused below
  simdjson::ondemand::object object;
  std::string_view slice;
  error = event["object"].get_object().get(object);
  if (!error) {
    error = object.raw_json().get(slice);
  }
  if (error) {
    return NotAnEvent(simdjson::error_message(error));
  }
  for (const auto& [name, value] : kTypes) {
    if (name == type_name) {
      const auto offset = static_cast<size_t>(slice.data() - text.data());
      return WatchEvent{value, std::string_view(line).substr(offset, slice.size())};
    }
  }
  return NotAnEvent("unknown type");
}

Status LineSplitter::Push(std::string_view piece) {
  if (begin_ > 0 && begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
    scanned_ = 0;
  } else if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(piece);
  const size_t last_end = buffer_.rfind('\n');
  const size_t rest = last_end == std::string::npos || last_end < begin_ ? begin_ : last_end + 1;
  if (buffer_.size() - rest > max_line_bytes_) {
    return Fail(ErrorCode::kTooLarge, "a line of the watch is over the size limit",
                Retry::kBackoff);
  }
  return {};
}

std::optional<std::string> LineSplitter::Next() {
  while (true) {
    const size_t end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    std::string line = buffer_.substr(begin_, end - begin_);
    begin_ = end + 1;
    scanned_ = begin_;
    if (line.size() > 0 && line.back() == '\r') {
      line.pop_back();
    }
    if (!line.empty()) {
      return line;
    }
  }
}

}  // namespace plimsoll::kube
