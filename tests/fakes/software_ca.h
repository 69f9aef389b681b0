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

// How a certificate names its TPM in the subjectAltName.
struct TpmNameFields {
  std::string manufacturer = "id:49465800";  // empty texts are left out
  std::string model = "SLB 9672";
  std::string version = "id:0F17";
  bool one_rdn = false;    // all in one RDN, else one RDN each
  bool printable = false;  // PrintableString, else UTF8String
  bool critical = false;
  bool beside_others = false;  // behind a DNS name and another directoryName
  std::string second_version;  // one more version
};

// What is in a certificate. Extensions are OpenSSL's names and values, "keyUsage"
// "critical,keyCertSign"; an OID and "DER:0500" for what OpenSSL does not know.
struct CertificateFields {
  std::string subject;        // common name; empty for an empty subject
  long not_before_days = -1;  // relative to 2026-01-01
  long not_after_days = 3650;
  std::string not_after;  // instead: "99991231235959Z"
  std::vector<std::pair<std::string, std::string>> extensions;
  bool tpm_names = false;  // whether there are `names`
  TpmNameFields names;
  bool rsaes_oaep = false;        // the key's algorithm is id-RSAES-OAEP
  Bytes modulus;                  // instead of the key: RSA with this modulus
  std::string serial_hex = "01";  // "-5" is negative

  // An ordinary CA and ordinary endorsement certificates.
  static CertificateFields Ca(std::string subject);
  static CertificateFields Endorsement(tcg::AlgorithmId type);
  CertificateFields& Set(const std::string& extension, std::string value);  // "" takes it out
};

// What is in a certificate revocation list.
struct RevocationFields {
  long this_update_days = 0;  // relative to 2026-01-01
  std::optional<long> next_update_days = 365;
  std::vector<std::string> serials_hex = {};  // revoked, since 2026-01-01
  std::vector<std::pair<std::string, std::string>> extensions = {};
  bool sha1 = false;
};

// The middle of the time for which certificates are valid by default.
WallTime CertificateNow();

// A certificate authority whose certificates can be wrong in every way.
class SoftwareCa {
 public:
  explicit SoftwareCa(CertificateFields fields);                   // self-signed
  SoftwareCa(CertificateFields fields, const SoftwareCa& issuer);  // intermediate

  Bytes Issue(const CertificateFields& fields, const SoftwareKey& key) const;  // DER

  Bytes IssueRevocationList(const RevocationFields& fields) const;  // DER

  const Bytes& der() const { return der_; }
  std::string Pem() const;

 private:
  CertificateFields fields_;
  SoftwareKey key_;
  Bytes der_;
};

// DER as a PEM block: PemBlock("X509 CRL", list).
std::string PemBlock(const char* type, const Bytes& der);

}  // namespace plimsoll::fakes
