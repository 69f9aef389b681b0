#include "crypto/digest.h"

#include <cstdlib>

#include "base/encoding.h"
#include "crypto/openssl.h"

namespace plimsoll::crypto {

struct Hasher::State {
  const EVP_MD* digest;
  MdContextPtr context;
};

Hasher::Hasher(tcg::AlgorithmId hash)
    : state_(new State{MessageDigest(hash), MdContextPtr(EVP_MD_CTX_new())}) {
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
  if (EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) != 1 ||
      EVP_DigestInit_ex(state_->context.get(), state_->digest, nullptr) != 1) {
    std::abort();
  }
  return digest;
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
