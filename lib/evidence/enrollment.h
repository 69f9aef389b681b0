#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "tcg/name.h"

// POST /v1/enrollments and POST /v1/enrollments/{id}/activation.
//
// Decoders are strict: wrong types, non-canonical base64, upper-case hex, duplicate keys and
// over-long fields are kMalformed or kTooLarge; unknown fields are ignored; an optional field may
// be absent or null. TPM structures are passed on as bytes: whether they are well-formed is for
// lib/tcg.
namespace plimsoll::evidence {

// What the TPM says about itself; shown to people, never judged.
struct TpmDescription {
  std::string manufacturer;  // TCG vendor id, "IFX"
  std::string vendor;
  std::string firmware_version;
  std::string spec_revision;
};

struct EnrollmentRequest {
  std::string agent_version;
  Bytes endorsement_public;                      // TPMT_PUBLIC
  std::optional<Bytes> endorsement_certificate;  // DER
  std::vector<Bytes> endorsement_chain;          // DER; hints, never trusted
  Bytes attestation_public;                      // TPMT_PUBLIC
  TpmDescription tpm;                            // members that were absent are empty
};

struct EnrollmentResponse {
  std::string enrollment;  // id
  Bytes credential_blob;   // TPM2B_ID_OBJECT
  Bytes encrypted_secret;  // TPM2B_ENCRYPTED_SECRET
  std::chrono::seconds expires_in{0};
};

struct ActivationRequest {
  Secret secret;
};

enum class IdentityDecision : uint8_t { kPending, kApproved, kAdmitted, kDenied };

std::string_view ToString(IdentityDecision decision);

struct ActivationResponse {
  std::string identity;  // name of the TPMIdentity
  tcg::Name attestation_key_name;
  IdentityDecision decision = IdentityDecision::kPending;
};

Result<EnrollmentRequest> DecodeEnrollmentRequest(std::string_view body);
Result<EnrollmentResponse> DecodeEnrollmentResponse(std::string_view body);
Result<ActivationRequest> DecodeActivationRequest(std::string_view body);
Result<ActivationResponse> DecodeActivationResponse(std::string_view body);

std::string Encode(const EnrollmentRequest& request);
std::string Encode(const EnrollmentResponse& response);
std::string Encode(const ActivationRequest& request);
std::string Encode(const ActivationResponse& response);

}  // namespace plimsoll::evidence
