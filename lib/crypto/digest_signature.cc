#include "crypto/digest_signature.h"

#include <fmt/format.h>
#include <openssl/rsa.h>

#include "crypto/digest.h"
#include "crypto/public_key.h"

namespace plimsoll::crypto {

struct DigestVerificationKey::State {
  PkeyPtr key;
  bool rsa;
  size_t size;  // bytes of the modulus or of a coordinate
  uint32_t id;
};

namespace {

constexpr size_t kMaxPemBytes = 16 * 1024;

// A public key or a certificate's, whichever the PEM names; null when it is neither.
PkeyPtr ReadPem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) {
    return nullptr;
  }
  if (pem.find("-----BEGIN PUBLIC KEY-----") != std::string_view::npos) {
    return PkeyPtr(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  }
  if (pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    return PkeyPtr(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
  }
  return nullptr;
}

Result<uint32_t> KeyId(EVP_PKEY& key) {
  X509_PUBKEY* made = nullptr;
  const int set = X509_PUBKEY_set(&made, &key);
  const std::unique_ptr<X509_PUBKEY, Deleter<X509_PUBKEY_free>> spki(made);
  const unsigned char* bits = nullptr;
  int size = 0;
  if (set != 1 || X509_PUBKEY_get0_param(nullptr, &bits, &size, nullptr, spki.get()) != 1) {
    return OpenSslFailure("encode a public key");
  }
  const Bytes hash = Digest(tcg::AlgorithmId::kSha1, {ByteSpan(bits, static_cast<size_t>(size))});
  return static_cast<uint32_t>(hash[16]) << 24 | static_cast<uint32_t>(hash[17]) << 16 |
         static_cast<uint32_t>(hash[18]) << 8 | static_cast<uint32_t>(hash[19]);
}

}  // namespace

Result<DigestVerificationKey> DigestVerificationKey::FromPem(std::string_view pem) {
  const ErrorQueueGuard guard;
  if (pem.size() > kMaxPemBytes) {
    return Fail(ErrorCode::kTooLarge, fmt::format("public key of {} bytes", pem.size()));
  }
  const PkeyPtr read = ReadPem(pem);
  if (!read) {
    return Fail(ErrorCode::kMalformed, "neither a PEM public key nor a PEM certificate");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(PkeyPtr key, NormaliseKey(*read));
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t id, KeyId(*key));
  const bool rsa = EVP_PKEY_is_a(key.get(), "RSA") == 1;
  const size_t size = (static_cast<size_t>(EVP_PKEY_get_bits(key.get())) + 7) / 8;
  return DigestVerificationKey(std::make_shared<const State>(State{std::move(key), rsa, size, id}));
}

Result<SignatureCheck> DigestVerificationKey::Verify(tcg::AlgorithmId hash, ByteSpan digest,
                                                     ByteSpan signature) const {
  const ErrorQueueGuard guard;
  if (digest.size() != tcg::DigestSize(hash) || (state_->rsa && signature.size() != state_->size)) {
    return SignatureCheck::kInvalid;
  }
  const PkeyContextPtr context(EVP_PKEY_CTX_new(state_->key.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      (state_->rsa && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) ||
      EVP_PKEY_CTX_set_signature_md(context.get(), MessageDigest(hash)) != 1) {
    return OpenSslFailure("start a signature check");
  }
  // 1 is the only answer that means success; see verification_key.cc.
  const int answer = EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                     digest.data(), digest.size());
  return answer == 1 ? SignatureCheck::kValid : SignatureCheck::kInvalid;
}

uint32_t DigestVerificationKey::key_id() const { return state_->id; }

}  // namespace plimsoll::crypto
