#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/openssl.h"

// Private to lib/crypto: reading certificates.

namespace plimsoll::crypto {

// The certificate at the beginning of `bytes`, and how many of them it takes. What makes a
// certificate ambiguous, such as an extension that is there twice, is kMalformed.
struct ReadCertificate {
  X509Ptr certificate;
  size_t size;
};
Result<ReadCertificate> ReadDerCertificate(ByteSpan bytes);

// All certificates of a PEM text; text around them is ignored. kMalformed for a block that is
// damaged or is something else, kTooLarge above the limits.
Result<std::vector<X509Ptr>> ReadPemCertificates(std::string_view pem, size_t max_bytes,
                                                 size_t max_certificates);

// The bytes of the next PEM block, when it has this label (PEM_STRING_X509 ...); nullopt when it is
// damaged or another.
std::optional<Bytes> NextPemBlock(BIO& pem, std::string_view label);

// The certified key, made again from its numbers (public_key.h); with id-RSAES-OAEP as its
// algorithm too.
Result<PkeyPtr> ReadCertificateKey(const X509& certificate);

// RFC 2253 text, escaped, for people; at most 1024 bytes. Empty when memory is short.
std::string NameText(const X509_NAME* name);

Result<std::chrono::sys_seconds> ToSeconds(const ASN1_TIME* time);

// sys_seconds reach further than WallTime does; beyond its end it is its end.
WallTime ToWallTime(std::chrono::sys_seconds time);

// An unencrypted private key in PEM; null for anything else.
PkeyPtr ReadPrivateKey(ByteSpan pem);

}  // namespace plimsoll::crypto
