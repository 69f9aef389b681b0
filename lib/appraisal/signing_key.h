#pragma once

#include <optional>
#include <string_view>

#include "appraisal/finding.h"
#include "base/bytes.h"
#include "base/result.h"
#include "crypto/verification_key.h"
#include "tcg/name.h"
#include "tcg/public_area.h"

namespace plimsoll::appraisal {

// The attestation key that evidence must be signed by, as the verifier has recorded it: never as
// evidence brings it (K5).
//
// Built once per activated key and kept, since it holds the key ready for use. Immutable,
// thread-safe, copies share the key.
class SigningKey {
 public:
  // The stored and activated AK. `recorded_name` is its Name as recorded at activation; when it is
  // given, the area must have that Name (K3). Never fails: what makes the key unacceptable is
  // rejection(), and every appraisal under it is AttestationKeyRejected.
  static SigningKey FromPublicArea(ByteSpan tpmt_public,
                                   const std::optional<tcg::Name>& recorded_name = std::nullopt);

  // A key without a public area, as other tools record it. Its attributes cannot be judged:
  // evidence under it is at best Unknown/AttestationKeyUnproven.
  static Result<SigningKey> FromPem(std::string_view pem);

  const std::optional<Finding>& rejection() const { return rejection_; }

  // The area; absent for a PEM key and for bytes that are no public area.
  const std::optional<tcg::PublicArea>& area() const { return area_; }
  const std::optional<tcg::Name>& name() const { return name_; }  // computed
  const std::optional<crypto::VerificationKey>& key() const {
    return key_;
  }  // absent only with a rejection

 private:
  SigningKey() = default;

  std::optional<Finding> rejection_;
  std::optional<tcg::PublicArea> area_;
  std::optional<tcg::Name> name_;
  std::optional<crypto::VerificationKey> key_;
};

}  // namespace plimsoll::appraisal
