#pragma once

#include <cstdint>
#include <span>

namespace plimsoll {

// A source of random bytes fit for nonces and secrets; crypto::SystemRandom is the real one, tests
// bring their own. Thread-safe.
//
// Fill never fails: a system without randomness ends the process, since nothing this program does
// is safe without it.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<uint8_t> out) = 0;
};

// Uniform in [0, 1), with 53 bits.
double UniformReal(Random& random);

}  // namespace plimsoll
