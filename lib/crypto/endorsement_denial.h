#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/endorsement_version.h"

namespace plimsoll::crypto {

// How a certificate names its TPM.
struct NamedTpm {
  std::string_view vendor_id;  // "IFX"; empty = not known
  std::string_view model;
  std::string_view version;  // as written
};

// TPMs that are not accepted although their vendor answers for them (C11).
//
// A rule is about what the certificate says, that is the firmware at manufacture; the present one
// is in quotes (firmwareFloor of AttestationPolicy). A certificate that does not say what the rule
// has to know is denied: nobody can tell that the rule is not about it. Immutable, safe to share.
class EndorsementDenial {
 public:
  struct Fields {
    std::string manufacturer = {};  // TCG vendor id or "id:XXXXXXXX"; empty = any
    std::string model = {};  // what the model begins with, case and blanks aside; empty = any
    std::string firmware_from = {};  // ReadVersionBound, included; empty = no bound
    std::string firmware_to = {};
    std::string reason = {};  // for people
  };

  // kMalformed for a rule that names neither manufacturer nor model, a range without a manufacturer
  // (vendors number as they like), a bound that is no version, or a range that is empty.
  static Result<EndorsementDenial> Create(Fields fields);

  // Why the TPM is denied, in a sentence; nullopt when the rule is not about it.
  std::optional<std::string> Denies(const NamedTpm& tpm) const;

 private:
  EndorsementDenial() = default;

  Fields fields_;
  std::optional<VersionInterval> firmware_;
};

// Infineon firmware whose RSA keys are weak (CVE-2017-15361; the vendor's list as in Microsoft's
// ADV170012): 4.0-4.33, 4.40-4.42, 5.0-5.61, 6.0-6.42, 7.0-7.61, 133.0-133.32.
std::vector<EndorsementDenial> RocaDenials();

}  // namespace plimsoll::crypto
