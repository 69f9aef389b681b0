#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace plimsoll {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

// The bytes of a text, without a copy; valid as long as the text is.
inline ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes ToBytes(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

inline void Append(Bytes& to, ByteSpan bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

// Whether both hold the same bytes; the time depends on the sizes alone.
bool EqualConstantTime(ByteSpan a, ByteSpan b);

}  // namespace plimsoll
