#include "tcg/writer.h"

#include <cstdlib>
#include <limits>

namespace plimsoll::tcg {

Writer& Writer::U8(uint8_t value) {
  bytes_.push_back(value);
  return *this;
}

Writer& Writer::U16(uint16_t value) {
  return U8(static_cast<uint8_t>(value >> 8U)).U8(static_cast<uint8_t>(value & 0xFFU));
}

Writer& Writer::U32(uint32_t value) {
  return U16(static_cast<uint16_t>(value >> 16U)).U16(static_cast<uint16_t>(value & 0xFFFFU));
}

Writer& Writer::U64(uint64_t value) {
  return U32(static_cast<uint32_t>(value >> 32U)).U32(static_cast<uint32_t>(value & 0xFFFFFFFFU));
}

Writer& Writer::Algorithm(AlgorithmId algorithm) { return U16(static_cast<uint16_t>(algorithm)); }

Writer& Writer::Raw(ByteSpan bytes) {
  Append(bytes_, bytes);
  return *this;
}

Writer& Writer::Sized(ByteSpan bytes) {
  if (bytes.size() > std::numeric_limits<uint16_t>::max()) {
    std::abort();
  }
  return U16(static_cast<uint16_t>(bytes.size())).Raw(bytes);
}

}  // namespace plimsoll::tcg
