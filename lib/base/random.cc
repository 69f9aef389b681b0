#include "base/random.h"

#include <array>

namespace plimsoll {

double UniformReal(Random& random) {
  std::array<uint8_t, 8> bytes{};
  random.Fill(bytes);
  uint64_t bits = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8U | byte;
  }
  return static_cast<double>(bits >> 11U) * 0x1.0p-53;
}

}  // namespace plimsoll
