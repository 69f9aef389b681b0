#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eventlog/guid.h"

namespace plimsoll::eventlog {

// What one entry of a Secure Boot database is (UEFI 2.10, 32.4.1).
enum class SignatureKind : uint8_t {
  kCertificate,  // X.509; the value is the SHA-256 of its DER
  kSha1,         // of an image; the value is the hash itself, as for all that follow
  kSha224,
  kSha256,
  kSha384,
  kSha512,
  kTbsSha256,  // of the to-be-signed part of a certificate
  kTbsSha384,
  kTbsSha512,
  kRsa2048,  // a key; the value is the SHA-256 of its modulus
};

// "certificate", "sha256", "tbs-sha256", "rsa2048".
std::string_view ToString(SignatureKind kind);

struct SignatureEntry {
  SignatureKind kind = SignatureKind::kSha256;
  Guid owner;
  Bytes value;

  friend bool operator==(const SignatureEntry&, const SignatureEntry&) = default;
};

inline constexpr size_t kMaxSignatureEntries = 8192;

// The entries of the EFI_SIGNATURE_LISTs that a database variable holds, in order (B4). Exact and
// bounded: every list at least as long as its header and no longer than what is left, header bytes
// skipped and never read as a hash, entries of one size that fill the list, the size being the one
// of its type, a type that the UEFI specification knows. kMalformed otherwise; kTooLarge for more
// than kMaxSignatureEntries. No bytes are no entries.
Result<std::vector<SignatureEntry>> ParseSignatureLists(ByteSpan bytes);

}  // namespace plimsoll::eventlog
