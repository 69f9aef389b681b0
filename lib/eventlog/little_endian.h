#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace plimsoll::eventlog {

// Reads the little-endian fields of logs and of UEFI structures, never past the end: each call
// gives nothing, and takes nothing, when there are too few bytes. Views point into the input.
class LittleEndianReader {
 public:
  explicit LittleEndianReader(ByteSpan bytes) : bytes_(bytes) {}

  std::optional<uint8_t> U8() { return Number<uint8_t>(); }
  std::optional<uint16_t> U16() { return Number<uint16_t>(); }
  std::optional<uint32_t> U32() { return Number<uint32_t>(); }
  std::optional<uint64_t> U64() { return Number<uint64_t>(); }

  std::optional<ByteSpan> Take(uint64_t size) {
    if (size > remaining()) {
      return std::nullopt;
    }
    const ByteSpan taken = bytes_.subspan(offset_, static_cast<size_t>(size));
    offset_ += taken.size();
    return taken;
  }

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }
  ByteSpan rest() const { return bytes_.subspan(offset_); }

 private:
  template <class T>
  std::optional<T> Number() {
    if (remaining() < sizeof(T)) {
      return std::nullopt;
    }
    uint64_t value = 0;
    for (size_t i = sizeof(T); i > 0; --i) {
      value = value << 8U | bytes_[offset_ + i - 1];
    }
    offset_ += sizeof(T);
    return static_cast<T>(value);
  }

  ByteSpan bytes_;
  size_t offset_ = 0;
};

}  // namespace plimsoll::eventlog
