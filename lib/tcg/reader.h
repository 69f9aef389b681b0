#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/algorithm.h"

namespace plimsoll::tcg {

// Reads TPM structures (big endian, TPM 2.0 Part 1, 5.3) from bytes that it does not own, and never
// past their end. Every failure is kMalformed and names `field`; after a failure the position is
// undefined and the caller gives up. Not thread-safe.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : rest_(bytes) {}

  Result<uint8_t> U8(std::string_view field);
  Result<uint16_t> U16(std::string_view field);
  Result<uint32_t> U32(std::string_view field);
  Result<uint64_t> U64(std::string_view field);

  // The next `size` bytes, as a view of the input.
  Result<ByteSpan> Take(size_t size, std::string_view field);

  // The contents of a TPM2B: a 16-bit size of at most `max`, then as many bytes.
  Result<ByteSpan> Sized(size_t max, std::string_view field);

  // A TPM_ALG_ID or TPM_ECC_CURVE; an unknown one is an error. Hash refuses what is not a hash.
  Result<AlgorithmId> Algorithm(std::string_view field);
  Result<AlgorithmId> Hash(std::string_view field);
  Result<CurveId> Curve(std::string_view field);

  // An error unless everything was read: two readings of one blob are one too many (Q1).
  Status ExpectEnd(std::string_view structure) const;

  size_t remaining() const { return rest_.size(); }

  // What is left, taken.
  ByteSpan Rest();

 private:
  ByteSpan rest_;
};

}  // namespace plimsoll::tcg
