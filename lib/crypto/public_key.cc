#include "crypto/public_key.h"

#include <fmt/format.h>
#include <openssl/core_names.h>

#include <array>
#include <cstdlib>

namespace plimsoll::crypto {
namespace {

constexpr uint32_t kOrdinaryExponent = 65537;

Result<PkeyPtr> BuildPublicKey(const char* type, OSSL_PARAM_BLD& builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(&builder));
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) {
    return OpenSslFailure("build a public key");
  }
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return Fail(ErrorCode::kMalformed, fmt::format("these numbers are no {} key", type));
  }
  return PkeyPtr(key);
}

Result<PkeyPtr> NormaliseRsaKey(EVP_PKEY& key) {
  BIGNUM* n = nullptr;
  BIGNUM* e = nullptr;
  const int got_n = EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_N, &n);
  const BignumPtr modulus(n);
  const int got_e = EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_E, &e);
  const BignumPtr exponent(e);
  if (got_n != 1 || got_e != 1) {
    return OpenSslFailure("read an RSA key");
  }
  Bytes bytes(static_cast<size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, bytes.data());
  // A number that does not fit becomes one that is refused.
  const auto bits = static_cast<uint16_t>(BN_num_bits(n) > 4096 ? 0 : BN_num_bits(n));
  const auto word = static_cast<uint32_t>(BN_num_bits(e) > 32 ? 1 : BN_get_word(e));
  return MakeRsaKey(bits, word == 0 ? 1 : word, bytes);
}

Result<PkeyPtr> NormaliseEccKey(EVP_PKEY& key) {
  std::array<char, 32> group{};
  std::array<uint8_t, 256> point{};
  size_t size = 0;
  if (EVP_PKEY_get_utf8_string_param(&key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                     nullptr) != 1 ||
      EVP_PKEY_set_utf8_string_param(&key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                     "uncompressed") != 1 ||
      EVP_PKEY_get_octet_string_param(&key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(),
                                      point.size(), &size) != 1) {
    return Fail(ErrorCode::kUnsupported, "the EC key has no named curve");
  }
  for (const tcg::CurveId curve :
       {tcg::CurveId::kNistP256, tcg::CurveId::kNistP384, tcg::CurveId::kNistP521}) {
    const size_t field = tcg::CoordinateSize(curve);
    if (OBJ_sn2nid(group.data()) == EC_curve_nist2nid(GroupName(curve)) && size == 1 + 2 * field) {
      const ByteSpan bytes(point);
      return MakeEccKey(curve, bytes.subspan(1, field), bytes.subspan(1 + field, field));
    }
  }
  return Fail(ErrorCode::kUnsupported, "the EC key is on another curve than P-256, P-384 or P-521");
}

}  // namespace

const char* GroupName(tcg::CurveId curve) {
  switch (curve) {
    case tcg::CurveId::kNistP256:
      return "P-256";
    case tcg::CurveId::kNistP384:
      return "P-384";
    case tcg::CurveId::kNistP521:
      return "P-521";
  }
  std::abort();
}

Result<PkeyPtr> MakeRsaKey(uint16_t key_bits, uint32_t exponent, ByteSpan modulus) {
  const ErrorQueueGuard guard;
  if (key_bits < 2048 || key_bits > 4096) {
    return Fail(ErrorCode::kUnsupported, fmt::format("RSA key of {} bits", key_bits));
  }
  if (exponent != 0 && exponent != kOrdinaryExponent) {
    return Fail(ErrorCode::kUnsupported, fmt::format("RSA exponent {}", exponent));
  }
  const BignumPtr n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const BignumPtr e(BN_new());
  if (!n || !e || BN_set_word(e.get(), kOrdinaryExponent) != 1) {
    return OpenSslFailure("read an RSA key");
  }
  if (modulus.size() * 8 != key_bits || BN_num_bits(n.get()) != key_bits) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("RSA modulus of {} bits in {} bytes, keyBits is {}",
                            BN_num_bits(n.get()), modulus.size(), key_bits));
  }
  if (BN_is_odd(n.get()) == 0) {
    return Fail(ErrorCode::kMalformed, "RSA modulus is even");
  }
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), "n", n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), "e", e.get()) != 1) {
    return OpenSslFailure("read an RSA key");
  }
  return BuildPublicKey("RSA", *builder);
}

Result<PkeyPtr> MakeEccKey(tcg::CurveId curve, ByteSpan x, ByteSpan y) {
  const ErrorQueueGuard guard;
  const size_t size = tcg::CoordinateSize(curve);
  if (x.size() > size || y.size() > size) {
    return Fail(ErrorCode::kMalformed, fmt::format("{} coordinates of {} and {} bytes",
                                                   ToString(curve), x.size(), y.size()));
  }
  Bytes point = {POINT_CONVERSION_UNCOMPRESSED};
  Append(point, PadLeft(x, size));
  Append(point, PadLeft(y, size));
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), "group", GroupName(curve), 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), "pub", point.data(), point.size()) != 1) {
    return OpenSslFailure("read an EC key");
  }
  return BuildPublicKey("EC", *builder);
}

Result<PkeyPtr> MakeKey(const tcg::PublicArea& public_area) {
  if (const tcg::RsaPublic* rsa = public_area.rsa()) {
    return MakeRsaKey(rsa->key_bits, rsa->exponent, rsa->modulus);
  }
  const tcg::EccPublic* ecc = public_area.ecc();
  return MakeEccKey(ecc->curve, ecc->x, ecc->y);
}

Result<PkeyPtr> NormaliseKey(EVP_PKEY& key) {
  const ErrorQueueGuard guard;
  if (EVP_PKEY_is_a(&key, "RSA") == 1) {
    return NormaliseRsaKey(key);
  }
  if (EVP_PKEY_is_a(&key, "EC") == 1) {
    return NormaliseEccKey(key);
  }
  return Fail(ErrorCode::kUnsupported, "the key is neither RSA nor EC");
}

Result<Bytes> EncodeSpki(EVP_PKEY& key) {
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(&key, &encoded);
  const OpenSslBytesPtr owner(encoded);
  if (size <= 0) {
    return OpenSslFailure("encode a public key");
  }
  return Bytes(encoded, encoded + size);
}

Bytes PadLeft(ByteSpan bytes, size_t size) {
  Bytes padded(size - bytes.size());
  Append(padded, bytes);
  return padded;
}

}  // namespace plimsoll::crypto
