#include "appraisal/reason.h"

#include <array>
#include <utility>

namespace plimsoll::appraisal {
namespace {

constexpr std::array kWords = {
    std::pair{Reason::kEvidenceMalformed, std::string_view("EvidenceMalformed")},
    std::pair{Reason::kAttestationKeyRejected, std::string_view("AttestationKeyRejected")},
    std::pair{Reason::kAttestationKeyUnproven, std::string_view("AttestationKeyUnproven")},
    std::pair{Reason::kSignatureInvalid, std::string_view("SignatureInvalid")},
    std::pair{Reason::kNotAQuote, std::string_view("NotAQuote")},
    std::pair{Reason::kNonceMismatch, std::string_view("NonceMismatch")},
    std::pair{Reason::kSelectionMismatch, std::string_view("SelectionMismatch")},
    std::pair{Reason::kPcrDigestMismatch, std::string_view("PCRDigestMismatch")},
    std::pair{Reason::kReplayedQuote, std::string_view("ReplayedQuote")},
    std::pair{Reason::kClockUnsafe, std::string_view("ClockUnsafe")},
    std::pair{Reason::kFirmwareRejected, std::string_view("FirmwareRejected")},
    std::pair{Reason::kUnexplainedReset, std::string_view("UnexplainedReset")},
    std::pair{Reason::kControllerStarting, std::string_view("ControllerStarting")},
    std::pair{Reason::kNotEnrolled, std::string_view("NotEnrolled")},
    std::pair{Reason::kIdentityConflict, std::string_view("IdentityConflict")},
    std::pair{Reason::kIdentityDenied, std::string_view("IdentityDenied")},
    std::pair{Reason::kNoEnforcingPolicy, std::string_view("NoEnforcingPolicy")},
    std::pair{Reason::kPolicyNotReady, std::string_view("PolicyNotReady")},
    std::pair{Reason::kIdentityPending, std::string_view("IdentityPending")},
    std::pair{Reason::kEventLogMalformed, std::string_view("EventLogMalformed")},
    std::pair{Reason::kEventLogMismatch, std::string_view("EventLogMismatch")},
    std::pair{Reason::kEventLogMissing, std::string_view("EventLogMissing")},
    std::pair{Reason::kPcrMismatch, std::string_view("PCRMismatch")},
    std::pair{Reason::kWrongBank, std::string_view("WrongBank")},
    std::pair{Reason::kSecureBootDisabled, std::string_view("SecureBootDisabled")},
    std::pair{Reason::kBootComponentNotAccepted, std::string_view("BootComponentNotAccepted")},
    std::pair{Reason::kCommandLineRejected, std::string_view("CommandLineRejected")},
    std::pair{Reason::kReferenceRevoked, std::string_view("ReferenceRevoked")},
    std::pair{Reason::kRuntimeListMismatch, std::string_view("RuntimeListMismatch")},
    std::pair{Reason::kRuntimeMeasurementRejected, std::string_view("RuntimeMeasurementRejected")},
    std::pair{Reason::kRuntimeListPending, std::string_view("RuntimeListPending")},
    std::pair{Reason::kTpmAbsent, std::string_view("TPMAbsent")},
    std::pair{Reason::kTpmError, std::string_view("TPMError")},
    std::pair{Reason::kEvidenceExpired, std::string_view("EvidenceExpired")},
    std::pair{Reason::kAllPoliciesPassed, std::string_view("AllPoliciesPassed")},
};

// ToString reads by position.
constexpr bool IsInOrder() {
  for (size_t i = 0; i < kWords.size(); ++i) {
    if (static_cast<size_t>(kWords[i].first) != i) {
      return false;
    }
  }
  return static_cast<size_t>(Reason::kAllPoliciesPassed) + 1 == kWords.size();
}
static_assert(IsInOrder());

}  // namespace

std::string_view ToString(Reason reason) {
  const auto index = static_cast<size_t>(reason);
  return index < kWords.size() ? kWords[index].second : std::string_view();
}

std::optional<Reason> ParseReason(std::string_view word) {
  for (const auto& [reason, text] : kWords) {
    if (text == word) {
      return reason;
    }
  }
  return std::nullopt;
}

std::string_view ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnknown:
      return "Unknown";
    case Verdict::kUntrusted:
      return "Untrusted";
    case Verdict::kTrusted:
      return "Trusted";
  }
  return "";
}

std::optional<Verdict> ParseVerdict(std::string_view word) {
  for (const Verdict verdict : {Verdict::kUnknown, Verdict::kUntrusted, Verdict::kTrusted}) {
    if (ToString(verdict) == word) {
      return verdict;
    }
  }
  return std::nullopt;
}

Verdict VerdictOf(Reason reason) {
  switch (reason) {
    case Reason::kEvidenceMalformed:
    case Reason::kAttestationKeyRejected:
    case Reason::kSignatureInvalid:
    case Reason::kNotAQuote:
    case Reason::kNonceMismatch:
    case Reason::kSelectionMismatch:
    case Reason::kPcrDigestMismatch:
    case Reason::kReplayedQuote:
    case Reason::kClockUnsafe:
    case Reason::kFirmwareRejected:
    case Reason::kUnexplainedReset:
    case Reason::kEventLogMalformed:
    case Reason::kEventLogMismatch:
    case Reason::kPcrMismatch:
    case Reason::kSecureBootDisabled:
    case Reason::kBootComponentNotAccepted:
    case Reason::kCommandLineRejected:
    case Reason::kReferenceRevoked:
    case Reason::kRuntimeListMismatch:
    case Reason::kRuntimeMeasurementRejected:
      return Verdict::kUntrusted;
    case Reason::kAttestationKeyUnproven:
    case Reason::kControllerStarting:
    case Reason::kNotEnrolled:
    case Reason::kIdentityConflict:
    case Reason::kIdentityDenied:
    case Reason::kNoEnforcingPolicy:
    case Reason::kPolicyNotReady:
    case Reason::kIdentityPending:
    case Reason::kEventLogMissing:
    case Reason::kWrongBank:
    case Reason::kRuntimeListPending:
    case Reason::kTpmAbsent:
    case Reason::kTpmError:
    case Reason::kEvidenceExpired:
    case Reason::kAllPoliciesPassed:
      return Verdict::kUnknown;
  }
  return Verdict::kUnknown;
}

bool NeedsNoTpm(Reason reason) {
  return reason == Reason::kEvidenceMalformed || reason == Reason::kAttestationKeyRejected ||
         reason == Reason::kSignatureInvalid || reason == Reason::kNonceMismatch;
}

}  // namespace plimsoll::appraisal
