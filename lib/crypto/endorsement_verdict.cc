#include "crypto/endorsement_verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/endorsement_path.h"
#include "crypto/revocation_check.h"
#include "crypto/tpm_vendor.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

std::optional<ChainRejection> CheckTpm(const EndorsementCertificate& certificate,
                                       const EndorsementRules& rules) {
  const std::string& vendor = certificate.vendor_id();
  const auto& allowed = rules.allowed_manufacturers;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), vendor) == allowed.end()) {
    return ChainRejection{"C11", vendor.empty()
                                     ? "the EK certificate names no manufacturer, and only some "
                                       "are allowed"
                                     : fmt::format("manufacturer {} is not allowed", vendor)};
  }
  for (const EndorsementDenial& denial : rules.denied) {
    if (auto why = denial.Denies({vendor, certificate.model(), certificate.version()})) {
      return ChainRejection{"C11", *std::move(why)};
    }
  }
  return std::nullopt;
}

EndorsementVerdict Describe(const EndorsementCertificate& certificate) {
  EndorsementVerdict verdict;
  verdict.manufacturer = certificate.vendor_id();
  verdict.model = certificate.model();
  verdict.version = certificate.version();
  verdict.firmware = DescribeVersion(certificate.version());
  verdict.key_type = certificate.key_type();
  verdict.not_after = certificate.not_after();
  return verdict;
}

std::string AcceptedSentence(const EndorsementVerdict& verdict) {
  const std::string_view name = VendorName(verdict.manufacturer);
  return fmt::format("a genuine TPM of {} by the word of {}",
                     !name.empty()                  ? name
                     : verdict.manufacturer.empty() ? "a maker that is not named"
                                                    : std::string_view(verdict.manufacturer),
                     verdict.chain.back());
}

}  // namespace

Result<EndorsementVerdict> VerifyEndorsement(const EndorsementCertificate& certificate,
                                             const std::vector<Bytes>& offered,
                                             const EndorsementRoots& roots,
                                             const EndorsementRules& rules, WallTime now) {
  PLIMSOLL_ASSIGN_OR_RETURN(EndorsementPath path,
                            FindEndorsementPath(certificate, offered, roots, now, rules.chain));
  std::optional<ChainRejection> rejection = std::move(path.rejection);
  if (!rejection) {
    rejection = CheckTpm(certificate, rules);
  }
  if (!rejection && rules.revocation) {
    rejection = CheckRevocation(path.certificates, *rules.revocation, now);
  }
  EndorsementVerdict verdict = Describe(certificate);
  if (rejection) {
    verdict.check = rejection->check;
    verdict.reason = std::move(rejection->message);
    return verdict;
  }
  for (size_t i = 1; i < path.certificates.size(); ++i) {
    verdict.chain.push_back(NameText(X509_get_subject_name(path.certificates[i].get())));
  }
  if (verdict.chain.empty()) {
    return Fail(ErrorCode::kInternal, "a path without an anchor was found");
  }
  verdict.reason = AcceptedSentence(verdict);
  verdict.accepted = true;
  return verdict;
}

Result<EndorsementVerdict> VerifyEndorsement(ByteSpan file, const std::vector<Bytes>& offered,
                                             const EndorsementRoots& roots,
                                             const EndorsementRules& rules, WallTime now) {
  const auto certificate = EndorsementCertificate::ParseFile(file);
  if (!certificate) {
    EndorsementVerdict verdict;
    verdict.check = "C1";
    verdict.reason = certificate.error().message;
    return verdict;
  }
  return VerifyEndorsement(*certificate, offered, roots, rules, now);
}

}  // namespace plimsoll::crypto
