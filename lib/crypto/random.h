#pragma once

#include "base/random.h"

namespace plimsoll::crypto {

// OpenSSL's RAND_bytes. A failure ends the process: nonces and secrets that can be guessed are
// worse than no service (M1). Thread-safe.
class SystemRandom final : public Random {
 public:
  void Fill(std::span<uint8_t> out) override;
};

}  // namespace plimsoll::crypto
