#include "crypto/key_numbers.h"

#include <fmt/format.h>

#include "crypto/public_key.h"
#include "crypto/roca.h"

namespace plimsoll::crypto {

std::optional<KeyRejection> CheckKeyNumbers(const tcg::PublicArea& key, std::string_view what) {
  if (const auto built = MakeKey(key); !built) {
    return KeyRejection{key.rsa() != nullptr ? "S3" : "S5",
                        fmt::format("{}: {}", what, built.error().message)};
  }
  if (key.rsa() != nullptr && HasRocaFingerprint(key.rsa()->modulus)) {
    return KeyRejection{"K7", fmt::format("{} has a weak modulus (CVE-2017-15361)", what)};
  }
  return std::nullopt;
}

}  // namespace plimsoll::crypto
