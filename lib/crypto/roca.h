#pragma once

#include "base/bytes.h"

namespace plimsoll::crypto {

// Whether an RSA modulus of 2048 bits or more has the form of keys made by the faulty library of
// CVE-2017-15361 (ROCA, "The Return of Coppersmith's Attack", 2017, section 2): modulo each of the
// first 126 primes it is a power of 65537. A modulus of another origin passes for one with a
// probability under 2^-100.
bool HasRocaFingerprint(ByteSpan modulus);

}  // namespace plimsoll::crypto
