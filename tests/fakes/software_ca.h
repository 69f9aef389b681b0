#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "fakes/software_tpm.h"

namespace plimsoll::fakes {

// What is in a certificate. Extensions are OpenSSL's names and values, "keyUsage"
// "critical,keyCertSign"; an OID and "DER:0500" for what OpenSSL does not know.
struct CertificateFields {
  std::string subject;        // common name; empty for an empty subject
  long not_before_days = -1;  // relative to 2026-01-01
  long not_after_days = 3650;
  std::string not_after;  // instead: "99991231235959Z"
  std::vector<std::pair<std::string, std::string>> extensions;
  bool tpm_names = false;         // subjectAltName: id:49465800, SLB 9672, id:0F17, one RDN each
  bool rsaes_oaep = false;        // the key's algorithm is id-RSAES-OAEP
  std::string serial_hex = "01";  // "-5" is negative

  // An ordinary CA and ordinary endorsement certificates.
  static CertificateFields Ca(std::string subject);
  static CertificateFields Endorsement(tcg::AlgorithmId type);
  CertificateFields& Set(const std::string& extension, std::string value);  // "" takes it out
};

// The middle of the time for which certificates are valid by default.
WallTime CertificateNow();

// A certificate authority whose certificates can be wrong in every way.
class SoftwareCa {
 public:
  explicit SoftwareCa(CertificateFields fields);                   // self-signed
  SoftwareCa(CertificateFields fields, const SoftwareCa& issuer);  // intermediate

  Bytes Issue(const CertificateFields& fields, const SoftwareKey& key) const;  // DER

  const Bytes& der() const { return der_; }
  std::string Pem() const;

 private:
  CertificateFields fields_;
  SoftwareKey key_;
  Bytes der_;
};

}  // namespace plimsoll::fakes
