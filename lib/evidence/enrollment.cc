#include "evidence/enrollment.h"

#include "base/encoding.h"
#include "evidence/identifiers.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {
namespace {

constexpr uint64_t kMaxSeconds = 86'400;

constexpr std::array kDecisions = {IdentityDecision::kPending, IdentityDecision::kApproved,
                                   IdentityDecision::kAdmitted, IdentityDecision::kDenied};

TpmDescription ReadTpm(ObjectReader& reader) {
  TpmDescription tpm;
  auto object = reader.OptionalObject("tpm");
  if (!object) {
    return tpm;
  }
  tpm.manufacturer = object->OptionalFreeText("manufacturer");
  tpm.vendor = object->OptionalFreeText("vendor");
  tpm.firmware_version = object->OptionalFreeText("firmwareVersion");
  tpm.spec_revision = object->OptionalFreeText("specRevision");
  reader.Adopt(std::move(*object));
  return tpm;
}

}  // namespace

std::string_view ToString(IdentityDecision decision) {
  switch (decision) {
    case IdentityDecision::kPending:
      return "Pending";
    case IdentityDecision::kApproved:
      return "Approved";
    case IdentityDecision::kAdmitted:
      return "Admitted";
    case IdentityDecision::kDenied:
      return "Denied";
  }
  return "";
}

Result<EnrollmentRequest> DecodeEnrollmentRequest(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  EnrollmentRequest request;
  request.agent_version = reader.FreeText("agentVersion");
  ObjectReader endorsement = reader.Object("endorsementKey");
  request.endorsement_public = endorsement.Base64("public", kMaxPublicAreaBytes);
  request.endorsement_certificate = endorsement.OptionalBase64("certificate", kMaxCertificateBytes);
  request.endorsement_chain =
      endorsement.OptionalBase64List("chain", kMaxChainCertificates, kMaxCertificateBytes);
  reader.Adopt(std::move(endorsement));
  ObjectReader attestation = reader.Object("attestationKey");
  request.attestation_public = attestation.Base64("public", kMaxPublicAreaBytes);
  reader.Adopt(std::move(attestation));
  request.tpm = ReadTpm(reader);
  return std::move(reader).Finish(std::move(request));
}

Result<EnrollmentResponse> DecodeEnrollmentResponse(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  EnrollmentResponse response;
  response.enrollment = reader.Id("enrollment");
  response.credential_blob = reader.Base64("credentialBlob", kMaxCredentialBytes);
  response.encrypted_secret = reader.Base64("encryptedSecret", kMaxCredentialBytes);
  response.expires_in = std::chrono::seconds(reader.Number("expiresInSeconds", kMaxSeconds));
  return std::move(reader).Finish(std::move(response));
}

Result<ActivationRequest> DecodeActivationRequest(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  ActivationRequest request;
  request.secret = Secret(reader.Base64("secret", kMaxActivationSecretBytes));
  return std::move(reader).Finish(std::move(request));
}

Result<ActivationResponse> DecodeActivationResponse(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  std::string identity = reader.NodeName("identity");
  auto name = reader.Name("attestationKeyName");
  const std::string_view word = reader.Word("decision");
  for (const IdentityDecision decision : kDecisions) {
    if (name && word == ToString(decision)) {
      return std::move(reader).Finish(
          ActivationResponse{std::move(identity), *std::move(name), decision});
    }
  }
  reader.Fail("decision", "unknown");
  return std::move(reader).Failure();
}

std::string Encode(const EnrollmentRequest& request) {
  nlohmann::json endorsement = {{"public", ToBase64(request.endorsement_public)}};
  if (request.endorsement_certificate) {
    endorsement["certificate"] = ToBase64(*request.endorsement_certificate);
  }
  for (const Bytes& certificate : request.endorsement_chain) {
    endorsement["chain"].push_back(ToBase64(certificate));
  }
  return Dump({{"agentVersion", ToFreeText(request.agent_version)},
               {"endorsementKey", std::move(endorsement)},
               {"attestationKey", {{"public", ToBase64(request.attestation_public)}}},
               {"tpm",
                {{"manufacturer", ToFreeText(request.tpm.manufacturer)},
                 {"vendor", ToFreeText(request.tpm.vendor)},
                 {"firmwareVersion", ToFreeText(request.tpm.firmware_version)},
                 {"specRevision", ToFreeText(request.tpm.spec_revision)}}}});
}

std::string Encode(const EnrollmentResponse& response) {
  return Dump({{"enrollment", response.enrollment},
               {"credentialBlob", ToBase64(response.credential_blob)},
               {"encryptedSecret", ToBase64(response.encrypted_secret)},
               {"expiresInSeconds", response.expires_in.count()}});
}

std::string Encode(const ActivationRequest& request) {
  return Dump({{"secret", ToBase64(request.secret.bytes())}});
}

std::string Encode(const ActivationResponse& response) {
  return Dump({{"identity", response.identity},
               {"attestationKeyName", response.attestation_key_name.ToHex()},
               {"decision", ToString(response.decision)}});
}

}  // namespace plimsoll::evidence
