#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <string_view>

#include "crypto/digest.h"
#include "fakes/software_tpm.h"
#include "tcg/reader.h"
#include "tcg/writer.h"

namespace plimsoll::fakes {
namespace {

using tcg::AlgorithmId;

const EVP_MD* Hash(AlgorithmId hash) {
  return hash == AlgorithmId::kSha384 ? EVP_sha384() : EVP_sha256();
}

Bytes Hmac(AlgorithmId hash, ByteSpan key, ByteSpan message) {
  Bytes mac(tcg::DigestSize(hash));
  HMAC(Hash(hash), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
       mac.data(), nullptr);
  return mac;
}

// TPM 2.0 Part 1, 11.4.10.2, as it stands there: counter, label with its zero, context, bits.
Bytes KdfA(AlgorithmId hash, ByteSpan key, std::string_view label, ByteSpan context, size_t size) {
  Bytes derived;
  for (uint32_t counter = 1; derived.size() < size; ++counter) {
    tcg::Writer message;
    message.U32(counter).Raw(AsBytes(label)).U8(0).Raw(context);
    message.U32(static_cast<uint32_t>(size * 8));
    Append(derived, Hmac(hash, key, message.bytes()));
  }
  derived.resize(size);
  return derived;
}

// TPM 2.0 Part 1, 11.4.10.3, for one block.
Bytes KdfE(AlgorithmId hash, ByteSpan z, ByteSpan party_u, ByteSpan party_v) {
  const Bytes counter = {0, 0, 0, 1};
  return crypto::Digest(hash,
                        {counter, z, AsBytes(std::string_view("IDENTITY\0", 9)), party_u, party_v});
}

std::optional<Bytes> DecryptSeed(const SoftwareKey& ek, ByteSpan encrypted) {
  const AlgorithmId hash = ek.key_template().name_algorithm;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(ek.pkey(), nullptr);
  void* label = OPENSSL_memdup("IDENTITY", 9);
  Bytes seed(512);
  size_t size = seed.size();
  const bool decrypted =
      EVP_PKEY_decrypt_init(context) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
      EVP_PKEY_CTX_set_rsa_oaep_md(context, Hash(hash)) == 1 &&
      EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, 9) == 1 &&
      EVP_PKEY_decrypt(context, seed.data(), &size, encrypted.data(), encrypted.size()) == 1;
  EVP_PKEY_CTX_free(context);
  if (!decrypted || size != tcg::DigestSize(hash)) {
    return std::nullopt;
  }
  seed.resize(size);
  return seed;
}

std::optional<Bytes> AgreeOnSeed(const SoftwareKey& ek, ByteSpan encrypted) {
  tcg::Reader reader(encrypted);
  const auto x = reader.Sized(66, "x");
  const auto y = reader.Sized(66, "y");
  const auto [ek_x, ek_y] = ek.Point();
  if (!x || !y || !reader.ExpectEnd("point") || x->size() != ek_x.size() ||
      y->size() != ek_y.size()) {
    return std::nullopt;
  }
  Bytes point = {4};
  Append(point, *x);
  Append(point, *y);
  EVP_PKEY* peer = EVP_PKEY_new();
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(ek.pkey(), nullptr);
  Bytes z(ek_x.size());
  size_t size = z.size();
  const bool agreed = EVP_PKEY_copy_parameters(peer, ek.pkey()) == 1 &&
                      EVP_PKEY_set1_encoded_public_key(peer, point.data(), point.size()) == 1 &&
                      EVP_PKEY_derive_init(context) == 1 &&
                      EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                      EVP_PKEY_derive(context, z.data(), &size) == 1 && size == z.size();
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(peer);
  if (!agreed) {
    return std::nullopt;
  }
  return KdfE(ek.key_template().name_algorithm, z, *x, ek_x);
}

Bytes Decrypt(ByteSpan key, ByteSpan encrypted) {
  const Bytes iv(16);
  Bytes plain(encrypted.size());
  int size = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_DecryptInit_ex(context, key.size() == 32 ? EVP_aes_256_cfb128() : EVP_aes_128_cfb128(),
                     nullptr, key.data(), iv.data());
  EVP_DecryptUpdate(context, plain.data(), &size, encrypted.data(),
                    static_cast<int>(encrypted.size()));
  EVP_CIPHER_CTX_free(context);
  return plain;
}

}  // namespace

std::optional<Bytes> ActivateCredential(const SoftwareKey& ek, const tcg::Name& ak,
                                        ByteSpan credential_blob, ByteSpan encrypted_secret) {
  tcg::Reader secret_reader(encrypted_secret);
  tcg::Reader blob_reader(credential_blob);
  const auto encrypted = secret_reader.Sized(1024, "TPM2B_ENCRYPTED_SECRET");
  const auto id_object = blob_reader.Sized(1024, "TPM2B_ID_OBJECT");
  if (!encrypted || !id_object || secret_reader.remaining() != 0 || blob_reader.remaining() != 0) {
    return std::nullopt;
  }
  const auto seed = ek.key_template().type == AlgorithmId::kRsa ? DecryptSeed(ek, *encrypted)
                                                                : AgreeOnSeed(ek, *encrypted);
  tcg::Reader reader(*id_object);
  const auto mac = reader.Sized(64, "integrityHMAC");
  if (!seed || !mac) {
    return std::nullopt;
  }
  const AlgorithmId hash = ek.key_template().name_algorithm;
  const Bytes identity = ToBytes(reader.Rest());
  const Bytes hmac_key = KdfA(hash, *seed, "INTEGRITY", {}, tcg::DigestSize(hash));
  Bytes covered = identity;
  Append(covered, ak.bytes());
  if (Hmac(hash, hmac_key, covered) != ToBytes(*mac)) {
    return std::nullopt;
  }
  const size_t key_size = ek.key_template().symmetric.key_bits / 8U;
  const Bytes plain = Decrypt(KdfA(hash, *seed, "STORAGE", ak.bytes(), key_size), identity);
  tcg::Reader plain_reader(plain);
  const auto secret = plain_reader.Sized(64, "credential");
  return secret && plain_reader.remaining() == 0 ? std::optional(ToBytes(*secret)) : std::nullopt;
}

}  // namespace plimsoll::fakes
