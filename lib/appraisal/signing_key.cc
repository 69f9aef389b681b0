#include "appraisal/signing_key.h"

#include "crypto/attestation_key.h"
#include "crypto/names.h"

namespace plimsoll::appraisal {
namespace {

Finding Rejected(std::string_view check, std::string message) {
  return {.check = check, .reason = Reason::kAttestationKeyRejected, .message = std::move(message)};
}

}  // namespace

SigningKey SigningKey::FromPublicArea(ByteSpan tpmt_public,
                                      const std::optional<tcg::Name>& recorded_name) {
  SigningKey signing_key;
  auto area = tcg::PublicArea::Parse(tpmt_public);
  if (!area) {
    signing_key.rejection_ = Rejected("K2", "attestation key: " + area.error().message);
    return signing_key;
  }
  signing_key.area_ = *std::move(area);
  signing_key.name_ = crypto::ComputeName(*signing_key.area_);
  if (recorded_name && *recorded_name != *signing_key.name_) {
    signing_key.rejection_ =
        Rejected("K3", "attestation key: the stored public area does not have the recorded Name");
    return signing_key;
  }
  if (const auto rejection = crypto::CheckAttestationKey(*signing_key.area_)) {
    signing_key.rejection_ = Rejected(rejection->check, rejection->message);
    return signing_key;
  }
  auto key = crypto::VerificationKey::FromPublicArea(*signing_key.area_);
  if (!key) {
    signing_key.rejection_ = Rejected("S3", "attestation key: " + key.error().message);
    return signing_key;
  }
  signing_key.key_ = *std::move(key);
  return signing_key;
}

Result<SigningKey> SigningKey::FromPem(std::string_view pem) {
  SigningKey signing_key;
  PLIMSOLL_ASSIGN_OR_RETURN(signing_key.key_, crypto::VerificationKey::FromPem(pem));
  return signing_key;
}

}  // namespace plimsoll::appraisal
