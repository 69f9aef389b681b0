#include "crypto/random.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>

namespace plimsoll::crypto {

void SystemRandom::Fill(std::span<uint8_t> out) {
  // RAND_bytes counts in int.
  constexpr size_t kPiece = 1U << 20U;
  while (!out.empty()) {
    const size_t size = std::min(out.size(), kPiece);
    if (RAND_bytes(out.data(), static_cast<int>(size)) != 1) {
      std::abort();
    }
    out = out.subspan(size);
  }
}

}  // namespace plimsoll::crypto
