#include <utility>

#include "appraisal/reason.h"
#include "controller/ingest/routes.h"
#include "crypto/attestation_key.h"
#include "crypto/credential.h"
#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_key.h"
#include "crypto/names.h"
#include "evidence/enrollment.h"
#include "evidence/limits.h"
#include "tcg/public_area.h"

namespace plimsoll::controller::ingest {
namespace {

constexpr size_t kSecretBytes = 32;  // the most that every accepted EK can wrap

// Why the keys of a request cannot be enrolled: reason and detail of a 422.
struct KeyFault {
  std::string_view reason;
  std::string detail;
};

KeyFault EndorsementFault(std::string detail) {
  return {appraisal::wire::kEndorsementKeyRejected, std::move(detail)};
}

KeyFault AttestationFault(std::string detail) {
  return {appraisal::ToString(appraisal::Reason::kAttestationKeyRejected), std::move(detail)};
}

struct CheckedKeys {
  tcg::PublicArea endorsement;
  std::string endorsement_sha256;
  std::optional<crypto::EndorsementCertificate> certificate;
  tcg::PublicArea attestation;
  crypto::KeyProfile profile;
};

// Both public areas by verification.md, K and C, and the certificate as far as it must be this
// EK's: whether anybody vouches for it is judged when the key is proven.
tl::expected<CheckedKeys, KeyFault> CheckKeys(const evidence::EnrollmentRequest& request) {
  auto endorsement = tcg::PublicArea::Parse(request.endorsement_public);
  if (!endorsement) {
    return tl::unexpected(EndorsementFault(endorsement.error().message));
  }
  if (const auto rejection = crypto::CheckEndorsementKey(*endorsement)) {
    return tl::unexpected(EndorsementFault(rejection->message));
  }
  auto sha256 = crypto::EndorsementKeySha256(*endorsement);
  if (!sha256) {
    return tl::unexpected(EndorsementFault(sha256.error().message));
  }
  std::optional<crypto::EndorsementCertificate> certificate;
  if (request.endorsement_certificate) {
    auto parsed = crypto::EndorsementCertificate::Parse(*request.endorsement_certificate);
    if (!parsed) {
      return tl::unexpected(EndorsementFault("the certificate cannot be read"));
    }
    if (!parsed->IsFor(*endorsement)) {
      return tl::unexpected(EndorsementFault("the certificate is for another key"));
    }
    certificate = *std::move(parsed);
  }
  auto attestation = tcg::PublicArea::Parse(request.attestation_public);
  if (!attestation) {
    return tl::unexpected(AttestationFault(attestation.error().message));
  }
  if (const auto rejection = crypto::CheckAttestationKey(*attestation)) {
    return tl::unexpected(AttestationFault(rejection->message));
  }
  const crypto::KeyProfile profile = crypto::ProfileOf(*attestation);
  if (profile == crypto::KeyProfile::kOther) {
    return tl::unexpected(AttestationFault("the key is of no profile that is accepted"));
  }
  return CheckedKeys{*std::move(endorsement), *std::move(sha256), std::move(certificate),
                     *std::move(attestation), profile};
}

}  // namespace

http::Response PostEnrollment(IngestContext& context, const AgentPrincipal& agent,
                              const http::Request& request) {
  if (const auto wait = context.enrollment_rate.Admit(agent.node_name())) {
    return Reject(context, agent, 429, appraisal::wire::kRateLimited,
                  "the node enrols more often than it may", *wait);
  }
  auto body = evidence::DecodeEnrollmentRequest(request.body);
  if (!body) {
    return Reject(context, agent, 400, appraisal::wire::kRequestMalformed, body.error().message);
  }
  auto keys = CheckKeys(*body);
  if (!keys) {
    return Reject(context, agent, 422, keys.error().reason, keys.error().detail);
  }
  // Computed here: a Name that is sent is never used (K3).
  const tcg::Name name = crypto::ComputeName(keys->attestation);
  Secret secret(kSecretBytes);
  context.d.random.Fill(secret.writable());
  auto credential =
      crypto::MakeCredential(keys->endorsement, name, secret.bytes(), context.d.random);
  if (!credential) {
    return Unavailable(context, agent, "make a credential", credential.error());
  }
  evidence::EnrollmentResponse response{.enrollment = {},
                                        .credential_blob = std::move(credential->credential_blob),
                                        .encrypted_secret = std::move(credential->encrypted_secret),
                                        .expires_in = evidence::kEnrollmentLifetime};
  response.enrollment =
      context.enrollments.Put({.node_name = agent.node_name(),
                               .node_uid = agent.node_uid(),
                               .endorsement_key_sha256 = std::move(keys->endorsement_sha256),
                               .certificate = std::move(keys->certificate),
                               .chain = std::move(body->endorsement_chain),
                               .attestation_key_name = name,
                               .attestation_public = ToBytes(keys->attestation.bytes()),
                               .profile = keys->profile,
                               .tpm = {.manufacturer = body->tpm.manufacturer,
                                       .vendor = body->tpm.vendor,
                                       .firmware_version = body->tpm.firmware_version,
                                       .spec_revision = body->tpm.spec_revision},
                               .endorsement_key_name = crypto::ComputeName(keys->endorsement)},
                              std::move(secret));
  return http::JsonResponse(201, evidence::Encode(response));
}

}  // namespace plimsoll::controller::ingest
