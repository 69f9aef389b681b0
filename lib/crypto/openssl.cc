#include "crypto/openssl.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace plimsoll::crypto {

tl::unexpected<Error> OpenSslFailure(std::string_view doing) {
  const unsigned long code = ERR_get_error();
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return Fail(ErrorCode::kInternal, fmt::format("{}: {}", doing, text.data()));
}

const EVP_MD* MessageDigest(tcg::AlgorithmId hash) {
  switch (hash) {
    case tcg::AlgorithmId::kSha1:
      return EVP_sha1();
    case tcg::AlgorithmId::kSha256:
      return EVP_sha256();
    case tcg::AlgorithmId::kSha384:
      return EVP_sha384();
    case tcg::AlgorithmId::kSha512:
      return EVP_sha512();
    default:
      std::abort();
  }
}

}  // namespace plimsoll::crypto
