#include "node-agent/tpm/return_code.h"

#include <fmt/format.h>
#include <tss2/tss2_common.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

namespace plimsoll::tpm {
namespace {

// A format-one code without the number of the parameter, handle or session it is about.
uint32_t WithoutPosition(uint32_t code) {
  return (code & TPM2_RC_FMT1) != 0 ? code & (TPM2_RC_FMT1 | 0x3FU) : code;
}

Meaning OfTpm(uint32_t code) {
  switch (WithoutPosition(code)) {
    case TPM2_RC_RETRY:
    case TPM2_RC_YIELDED:
    case TPM2_RC_TESTING:
    case TPM2_RC_CANCELED:
    case TPM2_RC_NV_RATE:
      return {ErrorClass::kRetry, ErrorCode::kUnavailable, Retry::kNow};
    case TPM2_RC_NV_UNAVAILABLE:
      return {ErrorClass::kRetry, ErrorCode::kUnavailable, Retry::kBackoff};
    case TPM2_RC_LOCKOUT:
      return {ErrorClass::kLockout, ErrorCode::kUnavailable, Retry::kBackoff};
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_MISSING:
    case TPM2_RC_AUTH_UNAVAILABLE:
    case TPM2_RC_AUTH_TYPE:
    case TPM2_RC_POLICY_FAIL:
    case TPM2_RC_NV_AUTHORIZATION:
      return {ErrorClass::kAuth, ErrorCode::kDenied, Retry::kNever};
    case TPM2_RC_HIERARCHY:
      return {ErrorClass::kHierarchy, ErrorCode::kDenied, Retry::kNever};
    // Objects of ours are gone (a reset, another resource manager), or those of others take all
    // room.
    case TPM2_RC_INITIALIZE:
    case TPM2_RC_HANDLE:
    case TPM2_RC_REFERENCE_H0:
    case TPM2_RC_REFERENCE_H1:
    case TPM2_RC_REFERENCE_H2:
    case TPM2_RC_REFERENCE_S0:
    case TPM2_RC_REFERENCE_S1:
    case TPM2_RC_CONTEXT_GAP:
    case TPM2_RC_OBJECT_MEMORY:
    case TPM2_RC_SESSION_MEMORY:
    case TPM2_RC_OBJECT_HANDLES:
    case TPM2_RC_SESSION_HANDLES:
    case TPM2_RC_MEMORY:
    case TPM2_RC_REBOOT:
      return {ErrorClass::kOther, ErrorCode::kUnavailable, Retry::kReconnect};
    default:
      return {ErrorClass::kOther, ErrorCode::kInternal, Retry::kNever};
  }
}

}  // namespace

std::string_view ToString(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kRetry:
      return "retry";
    case ErrorClass::kAuth:
      return "auth";
    case ErrorClass::kLockout:
      return "lockout";
    case ErrorClass::kHierarchy:
      return "hierarchy";
    case ErrorClass::kIo:
      return "io";
    case ErrorClass::kOther:
      break;
  }
  return "other";
}

Meaning MeaningOf(uint32_t return_code) {
  const uint32_t layer = return_code & TSS2_RC_LAYER_MASK;
  switch (layer) {
    // Linux writes TPM response codes of its own (unknown command) with the resource manager's
    // layer.
    case TSS2_TPM_RC_LAYER:
    case TSS2_RESMGR_RC_LAYER:
    case TSS2_RESMGR_TPM_RC_LAYER:
      return OfTpm(return_code & ~TSS2_RC_LAYER_MASK);
    case TSS2_TCTI_RC_LAYER:
      return {ErrorClass::kIo, ErrorCode::kUnavailable, Retry::kReconnect};
    // The library could not make sense of an answer, or we gave it something it does not take.
    case TSS2_ESAPI_RC_LAYER:
    case TSS2_SYS_RC_LAYER:
    case TSS2_MU_RC_LAYER: {
      const uint32_t base = return_code & ~TSS2_RC_LAYER_MASK;
      if (base == TSS2_BASE_RC_IO_ERROR || base == TSS2_BASE_RC_MALFORMED_RESPONSE ||
          base == TSS2_BASE_RC_INSUFFICIENT_RESPONSE || base == TSS2_BASE_RC_INSUFFICIENT_BUFFER ||
          base == TSS2_BASE_RC_RSP_AUTH_FAILED || base == TSS2_BASE_RC_BAD_SIZE ||
          base == TSS2_BASE_RC_BAD_SEQUENCE || base == TSS2_BASE_RC_TRY_AGAIN) {
        return {ErrorClass::kIo, ErrorCode::kUnavailable, Retry::kReconnect};
      }
      return {ErrorClass::kOther, ErrorCode::kInternal, Retry::kReconnect};
    }
    default:
      return {ErrorClass::kOther, ErrorCode::kInternal, Retry::kNever};
  }
}

Error ToError(std::string_view command, uint32_t return_code) {
  const Meaning meaning = MeaningOf(return_code);
  return {meaning.code,
          fmt::format("{}: {} (0x{:x})", command, Tss2_RC_Decode(return_code), return_code),
          meaning.retry};
}

}  // namespace plimsoll::tpm
