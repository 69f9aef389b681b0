#include "controller/identity/endorsement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/encoding.h"

namespace plimsoll::controller::identity {
namespace {

constexpr size_t kMaxIssuerBytes = 1024;  // of what people read; the schema allows more

std::set<std::string> AuthoritiesThatAdmit(const policies::Picture& picture) {
  std::set<std::string> names;
  for (const auto& compiled : picture.All()) {
    const policy::IdentityRule& rule = compiled->spec().identity;
    if (rule.admission == policy::Admission::kEndorsementCertificate) {
      names.insert(rule.authority_refs.begin(), rule.authority_refs.end());
    }
  }
  return names;
}

// One word for the condition.
std::string ReasonOf(std::string_view check) {
  return check == "C10" ? "Revoked" : check == "C11" ? "ManufacturerNotAllowed" : "ChainRejected";
}

}  // namespace

Result<EndorsementJudgement> EndorsementJudge::Judge(
    const std::optional<crypto::EndorsementCertificate>& certificate,
    const std::vector<Bytes>& chain) const {
  if (!certificate) {
    return EndorsementJudgement{{}, "NoCertificate", "the TPM has shown no EK certificate"};
  }
  EndorsementJudgement judgement{{}, "NoAuthority", "no policy names an EndorsementAuthority"};
  for (const std::string& name : AuthoritiesThatAdmit(picture_)) {
    const auto authority = picture_.Authority(name);
    if (!authority || !authority->problem.empty() || !authority->roots) {
      continue;  // such an authority admits nobody; its own status says why
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const auto verdict,
                              authority->Verify(*certificate, chain, clock_.Wall()));
    if (verdict.accepted) {
      judgement.authorities.push_back(name);
    } else {
      judgement.reason = ReasonOf(verdict.check);
      judgement.message = fmt::format("{}: {} ({})", name, verdict.reason, verdict.check);
    }
  }
  if (!judgement.authorities.empty()) {
    judgement.reason = "Verified";
    judgement.message = fmt::format("chains to {}", fmt::join(judgement.authorities, ", "));
  }
  return judgement;
}

Result<EndorsementJudgement> EndorsementJudge::JudgeStored(const TpmIdentity& identity) const {
  const Endorsement& stored = identity.status.endorsement;
  if (stored.certificate.empty()) {
    return Judge(std::nullopt, {});
  }
  const auto der = FromBase64(stored.certificate, crypto::EndorsementCertificate::kMaxBytes);
  auto certificate = der ? crypto::EndorsementCertificate::Parse(*der)
                         : Result<crypto::EndorsementCertificate>(tl::unexpected(der.error()));
  if (!certificate || certificate->key_sha256() != identity.endorsement_key_sha256) {
    return EndorsementJudgement{
        {}, "CertificateUnusable", "the recorded certificate is not one of this EK"};
  }
  std::vector<Bytes> chain;
  for (const std::string& encoded : stored.chain) {
    // A hint that cannot be read is no hint.
    if (auto hint = FromBase64(encoded, crypto::EndorsementCertificate::kMaxBytes)) {
      chain.push_back(*std::move(hint));
    }
  }
  return Judge(*std::move(certificate), chain);
}

Endorsement DescribeCertificate(const crypto::EndorsementCertificate& certificate,
                                const std::vector<Bytes>& chain) {
  Endorsement endorsement{.certificate = ToBase64(certificate.der()),
                          .chain = {},
                          .authority = {},
                          .issuer = certificate.issuer().substr(0, kMaxIssuerBytes),
                          .not_after = certificate.not_after(),
                          .manufacturer = certificate.vendor_id(),
                          .model = certificate.model(),
                          .version = certificate.version()};
  for (const Bytes& hint : chain) {
    endorsement.chain.push_back(ToBase64(hint));
  }
  return endorsement;
}

void SetEndorsementVerified(TpmIdentity& identity, const EndorsementJudgement& judgement,
                            WallTime now) {
  const bool verified = !judgement.authorities.empty();
  identity.status.endorsement.authority = verified ? judgement.authorities.front() : std::string();
  Set(identity.status.conditions,
      {.type = kEndorsementVerified,
       .status = verified ? ConditionStatus::kTrue : ConditionStatus::kFalse,
       .reason = judgement.reason,
       .message = judgement.message},
      now);
}

}  // namespace plimsoll::controller::identity
