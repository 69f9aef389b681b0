#include "node-agent/collect/host_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "evidence/limits.h"
#include "node-agent/collect/host_facts.h"

namespace plimsoll::collect {
namespace {

// nullopt when there is no such file, or an empty one: the kernel shows an empty list where it has
// measured nothing.
Result<std::optional<Bytes>> ReadIfThere(const std::string& path, size_t max) {
  if (path.empty()) {
    return std::optional<Bytes>();
  }
  auto text = ReadSmallFile(path, max);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) {
      return std::optional<Bytes>();
    }
    return tl::unexpected(std::move(text).error());
  }
  if (text->empty()) {
    return std::optional<Bytes>();
  }
  return std::optional(ToBytes(AsBytes(*text)));
}

// Walks over a binary list (Linux, security/integrity/ima/ima_fs.c). Only the frames count here:
// what is in them is judged by the controller.
class FrameReader {
 public:
  explicit FrameReader(ByteSpan bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  size_t left() const { return rest_.size(); }

  // Over one entry. False when it is cut off or has no frame of a list.
  bool Skip() {
    constexpr size_t kPcrAndHash = 4 + 20;
    constexpr uint32_t kMaxName = 255;
    constexpr size_t kOldDigest = 20;
    if (!Take(kPcrAndHash)) {
      return false;
    }
    const auto name = TakeSized(kMaxName);
    if (!name) {
      return false;
    }
    // The oldest template has no length of its own: a digest, then the file's name.
    if (*name == "ima") {
      return Take(kOldDigest) && TakeSized(UINT32_MAX);
    }
    return TakeSized(UINT32_MAX).has_value();
  }

 private:
  bool Take(size_t size) {
    if (rest_.size() < size) {
      return false;
    }
    rest_ = rest_.subspan(size);
    return true;
  }

  std::optional<std::string_view> TakeSized(uint32_t max) {
    constexpr size_t kNumber = 4;
    if (rest_.size() < kNumber) {
      return std::nullopt;
    }
    const uint32_t size = static_cast<uint32_t>(rest_[0]) | static_cast<uint32_t>(rest_[1]) << 8U |
                          static_cast<uint32_t>(rest_[2]) << 16U |
                          static_cast<uint32_t>(rest_[3]) << 24U;
    rest_ = rest_.subspan(kNumber);
    if (size > max || rest_.size() < size) {
      return std::nullopt;
    }
    const std::string_view text = AsText(rest_.first(size));
    rest_ = rest_.subspan(size);
    return text;
  }

  ByteSpan rest_;
};

}  // namespace

Result<std::optional<Bytes>> CollectBootEventLog(const LogFiles& files) {
  return ReadIfThere(files.boot_event_log, evidence::kMaxBootEventLogBytes);
}

Result<std::optional<ImaList>> ImaList::Collect(const LogFiles& files) {
  PLIMSOLL_ASSIGN_OR_RETURN(auto bytes, ReadIfThere(files.ima, kMaxBytes));
  if (!bytes) {
    return std::optional<ImaList>();
  }
  auto list = Parse(*std::move(bytes));
  if (!list) {
    return Fail(list.error().code, files.ima + ": " + list.error().message);
  }
  return std::optional(*std::move(list));
}

Result<ImaList> ImaList::Parse(Bytes bytes) {
  ImaList list;
  FrameReader reader(bytes);
  while (!reader.done()) {
    const size_t offset = bytes.size() - reader.left();
    if (!reader.Skip()) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("entry {} is no entry of a binary IMA list", list.offsets_.size()));
    }
    list.offsets_.push_back(offset);
  }
  list.bytes_ = std::move(bytes);
  return list;
}

ImaChunk ImaList::ChunkFrom(uint64_t from) const {
  ImaChunk chunk;
  chunk.from = from;
  if (from >= entries()) {
    return chunk;
  }
  const size_t begin = offsets_[from];
  uint64_t end = from;
  const auto end_offset = [this](uint64_t index) {
    return index < entries() ? offsets_[index] : bytes_.size();
  };
  while (end < entries() && end - from < evidence::kMaxImaEntries &&
         end_offset(end + 1) - begin <= evidence::kMaxImaBytes) {
    ++end;
  }
  chunk.entries = end - from;
  chunk.bytes.assign(bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                     bytes_.begin() + static_cast<std::ptrdiff_t>(end_offset(end)));
  return chunk;
}

}  // namespace plimsoll::collect
