#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/openssl.h"
#include "tcg/algorithm.h"
#include "tcg/public_area.h"

// Private to lib/crypto: public keys made from numbers, under the limits that hold for every key
// here.

namespace plimsoll::crypto {

// "P-256", "P-384", "P-521" as OpenSSL's parameters name groups.
const char* GroupName(tcg::CurveId curve);

// A public key from numbers (S3, S5). Modulus: odd, of exactly `key_bits`, which must be 2048 to
// 4096; exponent 65537, for which 0 may stand. Point: no coordinate longer than the field, on the
// curve, not infinity. kUnsupported for limits, kMalformed for numbers that are no key.
Result<PkeyPtr> MakeRsaKey(uint16_t key_bits, uint32_t exponent, ByteSpan modulus);
Result<PkeyPtr> MakeEccKey(tcg::CurveId curve, ByteSpan x, ByteSpan y);
Result<PkeyPtr> MakeKey(const tcg::PublicArea& public_area);

// The same key, made again from its numbers, so that all of the above holds for it.
Result<PkeyPtr> NormaliseKey(EVP_PKEY& key);

// The DER SubjectPublicKeyInfo of a key that one of these functions made.
Result<Bytes> EncodeSpki(EVP_PKEY& key);

// `bytes` with zeros in front up to `size`; not longer than that already.
Bytes PadLeft(ByteSpan bytes, size_t size);

}  // namespace plimsoll::crypto
