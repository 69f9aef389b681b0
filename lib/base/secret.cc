#include "base/secret.h"

#include <cstring>

namespace plimsoll {

void Zeroise(std::span<uint8_t> bytes) {
  if (!bytes.empty()) {
    explicit_bzero(bytes.data(), bytes.size());
  }
}

}  // namespace plimsoll
