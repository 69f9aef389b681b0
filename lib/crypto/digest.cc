#include "crypto/digest.h"

#include <cstdlib>

#include "base/encoding.h"
#include "crypto/openssl.h"

namespace plimsoll::crypto {
namespace {

// OpenSSL looks an implementation up anew whenever a digest begins with EVP_sha256() and its
// sisters, which takes longer than hashing one PCR extend. The ones found here are kept for good.
const EVP_MD* FetchedDigest(tcg::AlgorithmId hash) {
  const auto fetch = [](tcg::AlgorithmId algorithm) {
    const EVP_MD* digest =
        EVP_MD_fetch(nullptr, EVP_MD_get0_name(MessageDigest(algorithm)), nullptr);
    if (digest == nullptr) {
      std::abort();
    }
    return digest;
  };
  switch (hash) {
    case tcg::AlgorithmId::kSha1: {
      static const EVP_MD* const sha1 = fetch(hash);
      return sha1;
    }
    case tcg::AlgorithmId::kSha256: {
      static const EVP_MD* const sha256 = fetch(hash);
      return sha256;
    }
    case tcg::AlgorithmId::kSha384: {
      static const EVP_MD* const sha384 = fetch(hash);
      return sha384;
    }
    case tcg::AlgorithmId::kSha512: {
      static const EVP_MD* const sha512 = fetch(hash);
      return sha512;
    }
    default:
      std::abort();
  }
}

}  // namespace

struct Hasher::State {
  const EVP_MD* digest;
  MdContextPtr context;
};

Hasher::Hasher(tcg::AlgorithmId hash)
    : state_(new State{FetchedDigest(hash), MdContextPtr(EVP_MD_CTX_new())}) {
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), state_->digest, nullptr) != 1) {
    std::abort();
  }
}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

Hasher& Hasher::Update(ByteSpan bytes) {
  if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1) {
    std::abort();
  }
  return *this;
}

Bytes Hasher::Finish() {
  Bytes digest(static_cast<size_t>(EVP_MD_get_size(state_->digest)));
  FinishInto(digest);
  return digest;
}

void Hasher::FinishInto(std::span<uint8_t> digest) {
  if (digest.size() != static_cast<size_t>(EVP_MD_get_size(state_->digest)) ||
      EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) != 1 ||
      EVP_DigestInit_ex(state_->context.get(), state_->digest, nullptr) != 1) {
    std::abort();
  }
}

Bytes Digest(tcg::AlgorithmId hash, std::initializer_list<ByteSpan> parts) {
  Hasher hasher(hash);
  for (const ByteSpan part : parts) {
    hasher.Update(part);
  }
  return hasher.Finish();
}

std::string Sha256Hex(ByteSpan bytes) { return ToHex(Digest(tcg::AlgorithmId::kSha256, {bytes})); }

}  // namespace plimsoll::crypto
