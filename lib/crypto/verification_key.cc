#include "crypto/verification_key.h"

#include <fmt/format.h>
#include <openssl/rsa.h>

#include <optional>

#include "crypto/public_key.h"

namespace plimsoll::crypto {

struct VerificationKey::State {
  PkeyPtr key;
  tcg::AlgorithmId type;  // kRsa or kEcc
  tcg::Scheme scheme;     // kNull: any of the type
  size_t size;            // RSA: bytes of the modulus; ECC: of a coordinate
};

namespace {

using tcg::AlgorithmId;

bool IsSchemeOf(AlgorithmId type, AlgorithmId algorithm) {
  switch (algorithm) {
    case AlgorithmId::kRsassa:
    case AlgorithmId::kRsapss:
      return type == AlgorithmId::kRsa;
    case AlgorithmId::kEcdsa:
      return type == AlgorithmId::kEcc;
    default:
      return false;
  }
}

// The DER form of (r, s), as OpenSSL wants it; nullopt for numbers that no signature has (S5). The
// upper bound, the order of the curve, is OpenSSL's own check.
Result<std::optional<Bytes>> EncodeEcdsa(const tcg::EcdsaSignature& signature, size_t field) {
  if (signature.r.size() > field || signature.s.size() > field) {
    return std::nullopt;
  }
  BignumPtr r(BN_bin2bn(signature.r.data(), static_cast<int>(signature.r.size()), nullptr));
  BignumPtr s(BN_bin2bn(signature.s.data(), static_cast<int>(signature.s.size()), nullptr));
  const EcdsaSigPtr pair(ECDSA_SIG_new());
  if (!r || !s || !pair) {
    return OpenSslFailure("read an ECDSA signature");
  }
  if (BN_is_zero(r.get()) || BN_is_zero(s.get())) {
    return std::nullopt;
  }
  if (ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) {
    return OpenSslFailure("read an ECDSA signature");
  }
  r.release();
  s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  const OpenSslBytesPtr owner(der);
  if (size <= 0) {
    return OpenSslFailure("encode an ECDSA signature");
  }
  return Bytes(der, der + size);
}

// One verification by EVP. 1 is the only answer that means success; 0 is a signature that does not
// hold, and so are negative answers, which OpenSSL gives for encodings that cannot be one (S7).
Result<SignatureCheck> VerifyOnce(EVP_PKEY& key, AlgorithmId hash, int padding, int salt,
                                  ByteSpan signature, ByteSpan message) {
  const MdContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;  // owned by `context`
  if (!context ||
      EVP_DigestVerifyInit(context.get(), &key_context, MessageDigest(hash), nullptr, &key) != 1) {
    return OpenSslFailure("start a signature check");
  }
  if (padding != 0 && EVP_PKEY_CTX_set_rsa_padding(key_context, padding) != 1) {
    return OpenSslFailure("choose the RSA padding");
  }
  if (padding == RSA_PKCS1_PSS_PADDING &&
      (EVP_PKEY_CTX_set_rsa_mgf1_md(key_context, MessageDigest(hash)) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, salt) != 1)) {
    return OpenSslFailure("choose the PSS parameters");
  }
  const int answer = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                      message.data(), message.size());
  return answer == 1 ? SignatureCheck::kValid : SignatureCheck::kInvalid;
}

}  // namespace

Result<VerificationKey> VerificationKey::FromPublicArea(const tcg::PublicArea& public_area) {
  const tcg::Scheme scheme = public_area.scheme();
  if (!IsSchemeOf(public_area.type(), scheme.algorithm)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} is not a signing scheme of {} keys", ToString(scheme.algorithm),
                            ToString(public_area.type())));
  }
  if (!tcg::IsStrongHash(scheme.hash)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} is too weak for signatures", ToString(scheme.hash)));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(PkeyPtr key, MakeKey(public_area));
  const size_t size = public_area.rsa() != nullptr ? public_area.rsa()->modulus.size()
                                                   : tcg::CoordinateSize(public_area.ecc()->curve);
  return VerificationKey(
      std::make_shared<const State>(State{std::move(key), public_area.type(), scheme, size}));
}

Result<VerificationKey> VerificationKey::FromPem(std::string_view pem) {
  constexpr size_t kMaxPemBytes = 8192;
  constexpr std::string_view kBegin = "-----BEGIN PUBLIC KEY-----";
  const ErrorQueueGuard guard;
  if (pem.size() > kMaxPemBytes) {
    return Fail(ErrorCode::kTooLarge, fmt::format("public key of {} bytes", pem.size()));
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) {
    return OpenSslFailure("read a public key");
  }
  const PkeyPtr read(pem.find(kBegin) == std::string_view::npos
                         ? nullptr
                         : PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!read) {
    return Fail(ErrorCode::kMalformed, "not a PEM public key");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(PkeyPtr key, NormaliseKey(*read));
  const AlgorithmId type =
      EVP_PKEY_is_a(key.get(), "RSA") == 1 ? AlgorithmId::kRsa : AlgorithmId::kEcc;
  const auto bits = static_cast<size_t>(EVP_PKEY_get_bits(key.get()));
  return VerificationKey(
      std::make_shared<const State>(State{std::move(key), type, {}, (bits + 7) / 8}));
}

Result<SignatureCheck> VerificationKey::Verify(const tcg::Signature& signature,
                                               ByteSpan message) const {
  const ErrorQueueGuard guard;
  const bool fits = state_->scheme.algorithm == AlgorithmId::kNull
                        ? IsSchemeOf(state_->type, signature.algorithm())
                        : state_->scheme == tcg::Scheme{signature.algorithm(), signature.hash()};
  if (!fits || !tcg::IsStrongHash(signature.hash())) {
    return SignatureCheck::kInvalid;
  }
  if (const tcg::EcdsaSignature* ecdsa = signature.ecdsa()) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::optional<Bytes> der, EncodeEcdsa(*ecdsa, state_->size));
    if (!der) {
      return SignatureCheck::kInvalid;
    }
    return VerifyOnce(*state_->key, signature.hash(), 0, 0, *der, message);
  }
  const Bytes& value = signature.rsa()->value;
  if (value.size() != state_->size) {
    return SignatureCheck::kInvalid;
  }
  if (signature.algorithm() == AlgorithmId::kRsassa) {
    return VerifyOnce(*state_->key, signature.hash(), RSA_PKCS1_PADDING, 0, value, message);
  }
  // TPMs of different ages choose one of these two (TPM 2.0 Part 1, B.7); no other length is theirs.
  for (const int salt : {RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX}) {
    PLIMSOLL_ASSIGN_OR_RETURN(
        const SignatureCheck check,
        VerifyOnce(*state_->key, signature.hash(), RSA_PKCS1_PSS_PADDING, salt, value, message));
    if (check == SignatureCheck::kValid) {
      return check;
    }
  }
  return SignatureCheck::kInvalid;
}

}  // namespace plimsoll::crypto
