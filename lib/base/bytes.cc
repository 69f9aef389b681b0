#include "base/bytes.h"

namespace plimsoll {

bool EqualConstantTime(ByteSpan a, ByteSpan b) {
  if (a.size() != b.size()) {
    return false;
  }
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace plimsoll
