#pragma once

#include <chrono>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/public_area.h"

namespace plimsoll::crypto {

// An endorsement certificate as its maker wrote it (TCG EK Credential Profile 2.5, 3; RFC 5280).
// What it says counts only after VerifyEndorsementChain accepted it. Immutable, owns its bytes,
// safe to share.
class EndorsementCertificate {
 public:
  static constexpr size_t kMaxBytes = 8192;

  // From what an NV index holds: one DER certificate, and behind it nothing but 0x00 or nothing but
  // 0xFF (C1). Deviations from DER that vendors are known for are taken as they are; nothing is
  // ever encoded again (C2). kMalformed, kTooLarge above kMaxBytes, kUnsupported for a key that is
  // neither RSA nor EC on a supported curve. Names that are missing are empty, not an error.
  static Result<EndorsementCertificate> Parse(ByteSpan bytes);

  // From a file: as Parse, or PEM with exactly this one certificate (kMalformed with several: which
  // one is meant? C4); text around the block is ignored.
  static Result<EndorsementCertificate> ParseFile(ByteSpan bytes);

  ByteSpan der() const { return der_; }  // without padding

  // From the subjectAltName's directoryName, in one RDN or several (C6). Texts of at most 128
  // printable characters; others are left empty, and so is what is said twice and differs.
  const std::string& manufacturer() const { return manufacturer_; }  // as written: "id:53544D20"
  const std::string& model() const { return model_; }                // "ST33HTPHAHB4"
  const std::string& version() const { return version_; }            // as written: "id:00490004"

  // As the API names manufacturers ("STM", "IFX"): VendorIdOf of manufacturer().
  const std::string& vendor_id() const { return vendor_id_; }

  const std::string& issuer() const { return issuer_; }  // RFC 2253 text, escaped, for people

  // Seconds, since year 9999 is usual and does not fit into WallTime.
  std::chrono::sys_seconds not_before() const { return not_before_; }
  std::chrono::sys_seconds not_after() const { return not_after_; }

  const std::string& key_type() const { return key_type_; }  // "RSA-2048", "P-384"

  // As EndorsementKeySha256 of the key in it, so that the two can be compared.
  const std::string& key_sha256() const { return key_sha256_; }

  // Whether this certifies exactly that key (C12).
  bool IsFor(const tcg::PublicArea& ek) const;

 private:
  EndorsementCertificate() = default;

  Bytes der_;
  std::string manufacturer_;
  std::string model_;
  std::string version_;
  std::string vendor_id_;
  std::string issuer_;
  std::chrono::sys_seconds not_before_{};
  std::chrono::sys_seconds not_after_{};
  std::string key_type_;
  std::string key_sha256_;
};

// RFC 3339 in UTC, "9999-12-31T23:59:59Z".
std::string FormatCertificateTime(std::chrono::sys_seconds time);

}  // namespace plimsoll::crypto
