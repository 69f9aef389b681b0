#include "crypto/credential.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <string_view>

#include "crypto/public_key.h"
#include "tcg/writer.h"

namespace plimsoll::crypto {
namespace {

using tcg::AlgorithmId;

// Labels include their final zero (TPM 2.0 Part 1, 24 and 11.4.10).
constexpr std::string_view kIdentity{"IDENTITY\0", 9};
constexpr std::string_view kStorage{"STORAGE", 7};
constexpr std::string_view kIntegrity{"INTEGRITY", 9};

OSSL_PARAM Octets(const char* name, ByteSpan bytes) {
  // OpenSSL's parameters are not const, but what is passed in is only read.
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(bytes.data()), bytes.size());
}

OSSL_PARAM Text(const char* name, const char* text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

Result<Secret> Derive(const char* kdf_name, const OSSL_PARAM* params, size_t size) {
  const KdfPtr kdf(EVP_KDF_fetch(nullptr, kdf_name, nullptr));
  const KdfContextPtr context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
  Secret key(size);
  if (!context || EVP_KDF_derive(context.get(), key.writable().data(), size, params) != 1) {
    return OpenSslFailure(fmt::format("derive a key with {}", kdf_name));
  }
  return key;
}

// KDFa (Part 1, 11.4.10.2): SP 800-108 in counter mode with HMAC. OpenSSL writes the zero between
// label and context, and the length behind.
Result<Secret> KdfA(AlgorithmId hash, ByteSpan key, std::string_view label, ByteSpan context,
                    size_t size) {
  const OSSL_PARAM params[] = {
      Text(OSSL_KDF_PARAM_MODE, "counter"),
      Text(OSSL_KDF_PARAM_MAC, "HMAC"),
      Text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(MessageDigest(hash))),
      Octets(OSSL_KDF_PARAM_KEY, key),
      Octets(OSSL_KDF_PARAM_SALT, AsBytes(label)),
      Octets(OSSL_KDF_PARAM_INFO, context),
      OSSL_PARAM_construct_end(),
  };
  return Derive("KBKDF", params, size);
}

// KDFe (Part 1, 11.4.10.3): the one-step derivation of SP 800-56C with a plain hash.
Result<Secret> KdfE(AlgorithmId hash, ByteSpan shared, std::string_view label, ByteSpan party_u,
                    ByteSpan party_v, size_t size) {
  Bytes info = ToBytes(AsBytes(label));
  Append(info, party_u);
  Append(info, party_v);
  const OSSL_PARAM params[] = {
      Text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(MessageDigest(hash))),
      Octets(OSSL_KDF_PARAM_KEY, shared),
      Octets(OSSL_KDF_PARAM_INFO, info),
      OSSL_PARAM_construct_end(),
  };
  return Derive("SSKDF", params, size);
}

Result<Bytes> Hmac(AlgorithmId hash, ByteSpan key, ByteSpan first, ByteSpan second) {
  const PkeyPtr hmac_key(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "HMAC", nullptr, key.data(), key.size()));
  const MdContextPtr context(EVP_MD_CTX_new());
  Bytes mac(tcg::DigestSize(hash));
  size_t size = mac.size();
  if (!hmac_key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, MessageDigest(hash), nullptr, hmac_key.get()) !=
          1 ||
      EVP_DigestSignUpdate(context.get(), first.data(), first.size()) != 1 ||
      EVP_DigestSignUpdate(context.get(), second.data(), second.size()) != 1 ||
      EVP_DigestSignFinal(context.get(), mac.data(), &size) != 1 || size != mac.size()) {
    return OpenSslFailure("compute the integrity of a credential");
  }
  return mac;
}

// AES in CFB mode under a zero IV; the key is used for this once.
Result<Bytes> EncryptOnce(ByteSpan key, ByteSpan plain) {
  const std::string cipher_name = fmt::format("AES-{}-CFB", key.size() * 8);
  const CipherPtr cipher(EVP_CIPHER_fetch(nullptr, cipher_name.c_str(), nullptr));
  const CipherContextPtr context(EVP_CIPHER_CTX_new());
  const Bytes iv(16);
  Bytes encrypted(plain.size());
  int size = 0;
  if (!cipher || !context ||
      EVP_EncryptInit_ex2(context.get(), cipher.get(), key.data(), iv.data(), nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), encrypted.data(), &size, plain.data(),
                        static_cast<int>(plain.size())) != 1 ||
      static_cast<size_t>(size) != plain.size()) {
    return OpenSslFailure("encrypt a credential");
  }
  return encrypted;
}

Result<Bytes> EncryptSeedForRsa(EVP_PKEY& ek, AlgorithmId hash, ByteSpan seed) {
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, &ek, nullptr));
  const OSSL_PARAM params[] = {
      Text(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, OSSL_PKEY_RSA_PAD_MODE_OAEP),
      Text(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, EVP_MD_get0_name(MessageDigest(hash))),
      Text(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, EVP_MD_get0_name(MessageDigest(hash))),
      Octets(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, AsBytes(kIdentity)),
      OSSL_PARAM_construct_end(),
  };
  Bytes encrypted(static_cast<size_t>(EVP_PKEY_get_size(&ek)));
  size_t size = encrypted.size();
  if (!context || EVP_PKEY_encrypt_init_ex(context.get(), params) != 1 ||
      EVP_PKEY_encrypt(context.get(), encrypted.data(), &size, seed.data(), seed.size()) != 1 ||
      size != encrypted.size()) {
    return OpenSslFailure("encrypt a seed");
  }
  return encrypted;
}

Result<Bytes> Coordinate(EVP_PKEY& key, const char* parameter, size_t size) {
  BIGNUM* number = nullptr;
  const int got = EVP_PKEY_get_bn_param(&key, parameter, &number);
  const BignumPtr owner(number);
  Bytes bytes(size);
  if (got != 1 || BN_bn2binpad(number, bytes.data(), static_cast<int>(size)) < 0) {
    return OpenSslFailure("read an ephemeral key");
  }
  return bytes;
}

Result<Secret> Agree(EVP_PKEY& ephemeral, EVP_PKEY& ek, size_t field) {
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, &ephemeral, nullptr));
  Secret shared(field);
  size_t size = field;
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), &ek) != 1 ||
      EVP_PKEY_derive(context.get(), shared.writable().data(), &size) != 1 || size != field) {
    return OpenSslFailure("agree on a seed");
  }
  return shared;
}

struct SharedSeed {
  Secret seed;
  Bytes encrypted;  // what TPM2B_ENCRYPTED_SECRET holds
};

Result<SharedSeed> ShareSeedWithRsa(EVP_PKEY& key, AlgorithmId hash, Random& random) {
  SharedSeed shared{Secret(tcg::DigestSize(hash)), {}};
  random.Fill(shared.seed.writable());
  PLIMSOLL_ASSIGN_OR_RETURN(shared.encrypted, EncryptSeedForRsa(key, hash, shared.seed.bytes()));
  return shared;
}

// Part 1, C.6.4: the seed comes from ECDH between an ephemeral key, which is what is sent, and the
// EK.
Result<SharedSeed> ShareSeedWithEcc(const tcg::EccPublic& ecc, EVP_PKEY& key, AlgorithmId hash) {
  const size_t field = tcg::CoordinateSize(ecc.curve);
  const PkeyPtr ephemeral(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", GroupName(ecc.curve)));
  if (!ephemeral) {
    return OpenSslFailure("make an ephemeral key");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes x, Coordinate(*ephemeral, OSSL_PKEY_PARAM_EC_PUB_X, field));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes y, Coordinate(*ephemeral, OSSL_PKEY_PARAM_EC_PUB_Y, field));
  PLIMSOLL_ASSIGN_OR_RETURN(const Secret z, Agree(*ephemeral, key, field));
  PLIMSOLL_ASSIGN_OR_RETURN(Secret seed, KdfE(hash, z.bytes(), kIdentity, x, PadLeft(ecc.x, field),
                                              tcg::DigestSize(hash)));
  return SharedSeed{std::move(seed), tcg::Writer().Sized(x).Sized(y).Take()};
}

}  // namespace

Result<Bytes> SealCredential(const tcg::PublicArea& ek, const tcg::Name& ak, ByteSpan secret,
                             ByteSpan seed) {
  const ErrorQueueGuard guard;
  const AlgorithmId hash = ek.name_algorithm();
  const size_t digest_size = tcg::DigestSize(hash);
  if (secret.size() < 16 || seed.size() != digest_size) {
    return Fail(ErrorCode::kMalformed, fmt::format("a credential of {} bytes under a seed of {}",
                                                   secret.size(), seed.size()));
  }
  if (secret.size() > digest_size) {
    return Fail(ErrorCode::kTooLarge, fmt::format("a credential of {} bytes", secret.size()));
  }
  const size_t key_bits = ek.symmetric().key_bits;
  if (ek.symmetric().algorithm != AlgorithmId::kAes || ek.symmetric().mode != AlgorithmId::kCfb ||
      (key_bits != 128 && key_bits != 256)) {
    return Fail(ErrorCode::kUnsupported, "the EK's symmetric algorithm is not AES-CFB");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const Secret symmetric_key,
                            KdfA(hash, seed, kStorage, ak.bytes(), key_bits / 8));
  const Secret sized_secret(tcg::Writer().Sized(secret).Take());
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes identity,
                            EncryptOnce(symmetric_key.bytes(), sized_secret.bytes()));
  PLIMSOLL_ASSIGN_OR_RETURN(const Secret hmac_key, KdfA(hash, seed, kIntegrity, {}, digest_size));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes mac, Hmac(hash, hmac_key.bytes(), identity, ak.bytes()));
  return tcg::Writer().Sized(tcg::Writer().Sized(mac).Raw(identity).bytes()).Take();
}

Result<Credential> MakeCredential(const tcg::PublicArea& ek, const tcg::Name& ak, ByteSpan secret,
                                  Random& random) {
  const ErrorQueueGuard guard;
  PLIMSOLL_ASSIGN_OR_RETURN(const PkeyPtr key, MakeKey(ek));
  const AlgorithmId hash = ek.name_algorithm();
  PLIMSOLL_ASSIGN_OR_RETURN(const SharedSeed shared, ek.rsa() != nullptr
                                                         ? ShareSeedWithRsa(*key, hash, random)
                                                         : ShareSeedWithEcc(*ek.ecc(), *key, hash));
  PLIMSOLL_ASSIGN_OR_RETURN(Bytes blob, SealCredential(ek, ak, secret, shared.seed.bytes()));
  return Credential{std::move(blob), tcg::Writer().Sized(shared.encrypted).Take()};
}

}  // namespace plimsoll::crypto
