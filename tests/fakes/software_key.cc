#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <cstdlib>
#include <iostream>

#include "crypto/names.h"
#include "fakes/software_tpm.h"
#include "tcg/writer.h"

namespace plimsoll::fakes {
namespace {

using tcg::AlgorithmId;
using tcg::CurveId;

void Require(bool condition, const char* what) {
  if (!condition) {
    std::cerr << "software key: " << what << '\n';
    std::abort();
  }
}

const char* Group(CurveId curve) {
  return curve == CurveId::kNistP256 ? "P-256" : curve == CurveId::kNistP384 ? "P-384" : "P-521";
}

const EVP_MD* Hash(AlgorithmId hash) {
  switch (hash) {
    case AlgorithmId::kSha1:
      return EVP_sha1();
    case AlgorithmId::kSha256:
      return EVP_sha256();
    case AlgorithmId::kSha384:
      return EVP_sha384();
    default:
      return EVP_sha512();
  }
}

Bytes Number(const BIGNUM* number, size_t size) {
  Bytes bytes(size);
  Require(BN_bn2binpad(number, bytes.data(), static_cast<int>(size)) >= 0, "number too long");
  return bytes;
}

Bytes Number(EVP_PKEY* key, const char* parameter, size_t size) {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(key, parameter, &number) == 1, "no such number");
  Bytes bytes = Number(number, size);
  BN_free(number);
  return bytes;
}

void MarshalScheme(tcg::Writer& writer, tcg::Scheme scheme) {
  writer.Algorithm(scheme.algorithm);
  if (scheme.hash != AlgorithmId::kNull) {
    writer.Algorithm(scheme.hash);
  }
}

Bytes LowPolicy() {  // PolicySecret(TPM_RH_ENDORSEMENT), SHA-256
  return {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
          0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
          0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
}

Bytes HighPolicy() {  // PolicyB of the TCG EK Credential Profile, SHA-384
  return {0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc,
          0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4,
          0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09,
          0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12};
}

}  // namespace

KeyTemplate KeyTemplate::AkP256() {
  KeyTemplate ak;
  ak.name_algorithm = AlgorithmId::kSha256;
  ak.scheme.hash = AlgorithmId::kSha256;
  ak.curve = CurveId::kNistP256;
  return ak;
}

KeyTemplate KeyTemplate::AkP521() {
  KeyTemplate ak;
  ak.name_algorithm = AlgorithmId::kSha512;
  ak.scheme.hash = AlgorithmId::kSha512;
  ak.curve = CurveId::kNistP521;
  return ak;
}

KeyTemplate KeyTemplate::AkRsa(AlgorithmId scheme, uint16_t key_bits) {
  KeyTemplate ak;
  ak.type = AlgorithmId::kRsa;
  ak.name_algorithm = AlgorithmId::kSha256;
  ak.scheme = {scheme, AlgorithmId::kSha256};
  ak.key_bits = key_bits;
  return ak;
}

KeyTemplate KeyTemplate::EkRsa2048() {
  KeyTemplate ek = EkP256();
  ek.type = AlgorithmId::kRsa;
  return ek;
}

KeyTemplate KeyTemplate::EkP256() {
  KeyTemplate ek;
  ek.name_algorithm = AlgorithmId::kSha256;
  ek.attributes = kEkLowAttributes;
  ek.auth_policy = LowPolicy();
  ek.symmetric = {AlgorithmId::kAes, 128, AlgorithmId::kCfb};
  ek.scheme = {};
  ek.curve = CurveId::kNistP256;
  return ek;
}

KeyTemplate KeyTemplate::EkP384() {
  KeyTemplate ek = EkP256();
  ek.name_algorithm = AlgorithmId::kSha384;
  ek.attributes = kEkHighAttributes;
  ek.auth_policy = HighPolicy();
  ek.symmetric.key_bits = 256;
  ek.curve = CurveId::kNistP384;
  return ek;
}

Bytes MarshalRsaSignature(uint16_t algorithm, uint16_t hash, ByteSpan value) {
  return tcg::Writer().U16(algorithm).U16(hash).Sized(value).Take();
}

Bytes MarshalEcdsaSignature(uint16_t algorithm, uint16_t hash, ByteSpan r, ByteSpan s) {
  return tcg::Writer().U16(algorithm).U16(hash).Sized(r).Sized(s).Take();
}

SoftwareKey::SoftwareKey(KeyTemplate key_template) : template_(std::move(key_template)) {
  EVP_PKEY* key = template_.type == AlgorithmId::kRsa
                      ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{template_.key_bits})
                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", Group(template_.curve));
  Require(key != nullptr, "cannot make a key");
  key_ = std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free);
}

SoftwareKey SoftwareKey::With(KeyTemplate key_template) const {
  return SoftwareKey(std::move(key_template), key_);
}

Bytes SoftwareKey::Modulus() const {
  return Number(pkey(), OSSL_PKEY_PARAM_RSA_N, static_cast<size_t>(EVP_PKEY_get_size(pkey())));
}

std::pair<Bytes, Bytes> SoftwareKey::Point() const {
  const auto size = static_cast<size_t>((EVP_PKEY_get_bits(pkey()) + 7) / 8);
  return {Number(pkey(), OSSL_PKEY_PARAM_EC_PUB_X, size),
          Number(pkey(), OSSL_PKEY_PARAM_EC_PUB_Y, size)};
}

Bytes SoftwareKey::MarshalPublic() const {
  tcg::Writer writer;
  writer.Algorithm(template_.type).Algorithm(template_.name_algorithm).U32(template_.attributes);
  writer.Sized(template_.auth_policy).Algorithm(template_.symmetric.algorithm);
  if (template_.symmetric.algorithm != AlgorithmId::kNull) {
    writer.U16(template_.symmetric.key_bits).Algorithm(template_.symmetric.mode);
  }
  MarshalScheme(writer, template_.scheme);
  if (template_.type == AlgorithmId::kRsa) {
    writer.U16(template_.key_bits).U32(template_.exponent).Sized(Modulus());
  } else {
    writer.U16(static_cast<uint16_t>(template_.curve));
    MarshalScheme(writer, template_.kdf);
    const auto [x, y] = Point();
    writer.Sized(x).Sized(y);
  }
  return writer.Take();
}

tcg::PublicArea SoftwareKey::Public() const {
  auto area = tcg::PublicArea::Parse(MarshalPublic());
  Require(area.has_value(), "the template does not decode");
  return *std::move(area);
}

tcg::Name SoftwareKey::Name() const { return crypto::ComputeName(Public()); }

std::string SoftwareKey::Pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  Require(bio != nullptr && PEM_write_bio_PUBKEY(bio, pkey()) == 1, "cannot write the key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

RawSignature SoftwareKey::SignRaw(ByteSpan message, tcg::Scheme scheme, int pss_salt) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* key_context = nullptr;
  Require(context != nullptr &&
              EVP_DigestSignInit(context, &key_context, Hash(scheme.hash), nullptr, pkey()) == 1,
          "cannot start signing");
  if (scheme.algorithm == AlgorithmId::kRsapss) {
    Require(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, pss_salt) == 1,
            "cannot choose PSS");
  }
  size_t size = 0;
  Require(EVP_DigestSign(context, nullptr, &size, message.data(), message.size()) == 1,
          "cannot sign");
  Bytes signature(size);
  Require(EVP_DigestSign(context, signature.data(), &size, message.data(), message.size()) == 1,
          "cannot sign");
  signature.resize(size);
  EVP_MD_CTX_free(context);

  RawSignature raw;
  if (EVP_PKEY_is_a(pkey(), "RSA") == 1) {
    raw.rsa = signature;
    return raw;
  }
  const unsigned char* at = signature.data();
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()));
  Require(pair != nullptr, "cannot read its own signature");
  const auto field = static_cast<size_t>((EVP_PKEY_get_bits(pkey()) + 7) / 8);
  raw.r = Number(ECDSA_SIG_get0_r(pair), field);
  raw.s = Number(ECDSA_SIG_get0_s(pair), field);
  ECDSA_SIG_free(pair);
  return raw;
}

Bytes SoftwareKey::Sign(ByteSpan message) const {
  const tcg::Scheme scheme = template_.scheme;
  const RawSignature raw = SignRaw(message, scheme);
  const auto algorithm = static_cast<uint16_t>(scheme.algorithm);
  const auto hash = static_cast<uint16_t>(scheme.hash);
  return raw.rsa.empty() ? MarshalEcdsaSignature(algorithm, hash, raw.r, raw.s)
                         : MarshalRsaSignature(algorithm, hash, raw.rsa);
}

}  // namespace plimsoll::fakes
