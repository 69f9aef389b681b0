#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "tcg/algorithm.h"

namespace plimsoll::tcg {

// Writes TPM structures, big endian. Not thread-safe.
class Writer {
 public:
  Writer& U8(uint8_t value);
  Writer& U16(uint16_t value);
  Writer& U32(uint32_t value);
  Writer& U64(uint64_t value);
  Writer& Algorithm(AlgorithmId algorithm);
  Writer& Raw(ByteSpan bytes);

  // A TPM2B: the size in 16 bits, then the bytes. More than 65,535 bytes is a broken invariant and
  // ends the process.
  Writer& Sized(ByteSpan bytes);

  const Bytes& bytes() const { return bytes_; }
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace plimsoll::tcg
