#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace plimsoll::tpm {

// What kind of TPM failure it was, for plimsoll_agent_tpm_errors_total.
enum class ErrorClass : uint8_t {
  kRetry,      // the TPM was busy: RETRY, YIELDED, TESTING, NV_RATE, NV_UNAVAILABLE
  kAuth,       // a password or policy was refused
  kLockout,    // dictionary attack protection is active: hands off until it has passed
  kHierarchy,  // the endorsement hierarchy is disabled
  kIo,         // no answer, or not one: device node, socket, driver, a malformed response
  kOther,
};

inline constexpr std::array kErrorClasses = {ErrorClass::kRetry,   ErrorClass::kAuth,
                                             ErrorClass::kLockout, ErrorClass::kHierarchy,
                                             ErrorClass::kIo,      ErrorClass::kOther};

std::string_view ToString(ErrorClass error_class);  // "retry", "auth", …

// What a TSS2_RC (TCG TSS 2.0 Overview and Common Structures, 4; TPM 2.0 Part 2, 6.6) means for the
// caller:
//   Retry::kNow        the same command again, a few times
//   Retry::kBackoff    wait; nothing is wrong with the objects
//   Retry::kReconnect  open the TPM and make the objects anew
//   Retry::kNever      the same command fails again: a person has to look, so report it
struct Meaning {
  ErrorClass error_class = ErrorClass::kOther;
  ErrorCode code = ErrorCode::kInternal;
  Retry retry = Retry::kNever;
};

Meaning MeaningOf(uint32_t return_code);

// "TPM2_Quote: tpm:warn(2.0): the TPM is in DA lockout mode", with code and retry of MeaningOf.
Error ToError(std::string_view command, uint32_t return_code);

}  // namespace plimsoll::tpm
