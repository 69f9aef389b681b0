#include "crypto/roca.h"

#include <cstdint>

namespace plimsoll::crypto {
namespace {

constexpr uint32_t kGenerator = 65537;
constexpr uint32_t kLargestPrime = 701;  // the 126th

bool IsPrime(uint32_t number) {
  for (uint32_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) {
      return false;
    }
  }
  return true;
}

bool IsPowerOfGenerator(uint32_t value, uint32_t prime) {
  uint32_t power = 1;
  do {
    if (power == value) {
      return true;
    }
    power = power * (kGenerator % prime) % prime;
  } while (power != 1);
  return false;
}

}  // namespace

bool HasRocaFingerprint(ByteSpan modulus) {
  for (uint32_t prime = 3; prime <= kLargestPrime; prime += 2) {
    if (!IsPrime(prime)) {
      continue;
    }
    uint32_t rest = 0;
    for (const uint8_t byte : modulus) {
      rest = (rest << 8U | byte) % prime;
    }
    if (!IsPowerOfGenerator(rest, prime)) {
      return false;
    }
  }
  return true;
}

}  // namespace plimsoll::crypto
