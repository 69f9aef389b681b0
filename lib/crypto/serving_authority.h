#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace plimsoll::crypto {

// What a serving certificate is for.
struct ServingNames {
  std::vector<std::string> dns;  // "plimsoll-controller.plimsoll-system.svc"
  std::vector<std::string> ips;  // "10.96.0.7", "fd00::7"
};

struct ServingCertificate {
  std::string certificate_pem;
  Secret private_key_pem;  // PKCS #8
};

// The controller's own certificate authority for TLS (P-256, ECDSA with SHA-256). Immutable,
// thread-safe. Serial numbers and keys come from OpenSSL's generator.
class ServingAuthority {
 public:
  // A new key and a self-signed CA certificate, valid from an hour before `now` (clocks differ)
  // until `now + validity`, which must be positive and at most 30 years (kMalformed).
  static Result<ServingAuthority> Create(WallTime now,
                                         std::chrono::hours validity = std::chrono::hours(24 *
                                                                                          3652));

  // What Create made, read back. kMalformed when either is damaged, the certificate is no CA, or
  // the two do not belong together.
  static Result<ServingAuthority> Parse(std::string_view certificate_pem, ByteSpan private_key_pem);

  // A new key and a certificate for it with these names, valid like Create's but never longer than
  // the CA. kMalformed for no name at all, a name that is not one, or a validity that is not
  // positive.
  Result<ServingCertificate> Issue(const ServingNames& names, WallTime now,
                                   std::chrono::hours validity) const;

  const std::string& certificate_pem() const;
  Result<Secret> PrivateKeyPem() const;  // PKCS #8
  WallTime not_after() const;

  struct State;

 private:
  explicit ServingAuthority(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

// The end of the first certificate in a PEM text. A year that WallTime cannot hold becomes its last
// one.
Result<WallTime> CertificateNotAfter(std::string_view certificate_pem);

// Whether the certificate is valid at `now`, chains to the CA (one or more PEM certificates) for
// TLS servers and covers every one of the names, and the key (PEM) is its own. False too for what
// cannot be read: the caller then issues a new one.
bool IsServingCertificateFor(std::string_view certificate_pem, ByteSpan private_key_pem,
                             std::string_view ca_pem, const ServingNames& names, WallTime now);

}  // namespace plimsoll::crypto
