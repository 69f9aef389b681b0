#pragma once

#include <openssl/bn.h>

#include "base/bytes.h"

namespace plimsoll::crypto {

// A modulus of 2048 bits as the library of CVE-2017-15361 makes them: k * M + 65537^a mod M.
inline Bytes RocaModulus() {
  BN_CTX* context = BN_CTX_new();
  BIGNUM* m = BN_new();
  BN_one(m);
  for (BN_ULONG number = 2; number <= 701; ++number) {
    bool prime = true;
    for (BN_ULONG divisor = 2; divisor * divisor <= number; ++divisor) {
      prime = prime && number % divisor != 0;
    }
    if (prime) {
      BN_mul_word(m, number);
    }
  }
  BIGNUM* generator = BN_new();
  BIGNUM* power = BN_new();
  BIGNUM* modulus = BN_new();
  BN_set_word(generator, 65537);
  BN_set_word(power, 123456789);
  BN_mod_exp(power, generator, power, m, context);
  BN_set_bit(modulus, 2047);
  BN_div(modulus, nullptr, modulus, m, context);
  BN_add_word(modulus, 1);
  BN_mul(modulus, modulus, m, context);
  BN_add(modulus, modulus, power);
  Bytes bytes(256);
  BN_bn2binpad(modulus, bytes.data(), 256);
  for (BIGNUM* number : {m, generator, power, modulus}) {
    BN_free(number);
  }
  BN_CTX_free(context);
  return bytes;
}

}  // namespace plimsoll::crypto
