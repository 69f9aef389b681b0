#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plimsoll::kube {

inline constexpr size_t kMaxWatchLineBytes = size_t{4}
                                             << 20;  // an object in etcd is at most about 1.5 MiB

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark, kError };

// One event of a watch. `object` is a slice of the line that it was parsed from.
struct WatchEvent {
  WatchEventType type;
  std::string_view object;
};

// The event in one line of a watch; kMalformed when it is none.
Result<WatchEvent> ParseWatchEvent(const std::string& line);

// Cuts a stream of bytes, arriving in pieces of any size, into lines.
class LineSplitter {
 public:
  explicit LineSplitter(size_t max_line_bytes = kMaxWatchLineBytes)
      : max_line_bytes_(max_line_bytes) {}

  // Takes the next piece; kTooLarge as soon as an unfinished line is over the cap.
  Status Push(std::string_view piece);

  // The next complete line, without its end; nullopt when there is none yet. Empty lines are
  // skipped.
  std::optional<std::string> Next();

  // Whether bytes of a line are left whose end has not come: the stream was cut.
  bool HasRest() const { return begin_ < buffer_.size(); }

 private:
  const size_t max_line_bytes_;
  std::string buffer_;
  size_t begin_ = 0;    // of the first line not given out yet
  size_t scanned_ = 0;  // no line end before this
};

}  // namespace plimsoll::kube
