#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace plimsoll::appraisal {

enum class Verdict : uint8_t {
  kUnknown,  // silence, expiry, TPM trouble, a policy that is not ready: nothing proven either way
  kUntrusted,  // proven: evidence that is wrong, or a measurement that a policy rejects
  kTrusted,    // every check has passed
};

// Why a verdict is what it is: the complete vocabulary of v1alpha1. The words of ToString are used
// in conditions, taints, metric labels and JSON.
//
// The order is that of the design's table: of several failing checks the first in this order gives
// the reason, after Untrusted has outranked Unknown.
enum class Reason : uint8_t {
  // Evidence, in the order of the checks.
  kEvidenceMalformed,
  kAttestationKeyRejected,
  kAttestationKeyUnproven,  // a key given as PEM has no public area to judge
  kSignatureInvalid,
  kNotAQuote,
  kNonceMismatch,
  kSelectionMismatch,
  kPcrDigestMismatch,
  kReplayedQuote,
  kClockUnsafe,
  kFirmwareRejected,
  kUnexplainedReset,
  // State: what keeps an appraisal from being made or from counting.
  kControllerStarting,
  kNotEnrolled,
  kIdentityConflict,
  kIdentityDenied,
  kNoEnforcingPolicy,
  kPolicyNotReady,
  kIdentityPending,
  // Measurements: logs and policy, in the order of the checks.
  kEventLogMalformed,
  kEventLogMismatch,
  kEventLogMissing,
  kPcrMismatch,
  kWrongBank,  // a bank or PCR that a policy reads was not quoted
  kSecureBootDisabled,
  kBootComponentNotAccepted,
  kCommandLineRejected,
  kReferenceRevoked,
  kRuntimeListMismatch,
  kRuntimeMeasurementRejected,
  kRuntimeListPending,
  // No evidence, or nothing wrong with it.
  kTpmAbsent,
  kTpmError,
  kEvidenceExpired,
  kAllPoliciesPassed,
};

std::string_view ToString(Reason reason);

// The reason of that word; nullopt for a word of another version or a wire-only one.
std::optional<Reason> ParseReason(std::string_view word);

std::string_view ToString(Verdict verdict);  // "Unknown", "Untrusted", "Trusted"
std::optional<Verdict> ParseVerdict(std::string_view word);

// The verdict that a reason gives by itself: Untrusted for what proves something wrong, Unknown for
// the rest. Never Trusted: that takes every check, and one reason cannot know.
Verdict VerdictOf(Reason reason);

// Whether the reason can be caused without the node's TPM, by whoever holds the node's token: such
// verdicts taint at most NoSchedule and are not counted in budgets.
bool NeedsNoTpm(Reason reason);

// Reasons that appear in problem documents and metrics only.
namespace wire {
inline constexpr std::string_view kNodeMismatch = "NodeMismatch";
inline constexpr std::string_view kStaleEvidence = "StaleEvidence";
inline constexpr std::string_view kUnknownChallenge = "UnknownChallenge";
inline constexpr std::string_view kUnknownAttestationKey = "UnknownAttestationKey";
inline constexpr std::string_view kLogRequired = "LogRequired";
inline constexpr std::string_view kEvidenceNotKept = "EvidenceNotKept";
inline constexpr std::string_view kTooLarge = "TooLarge";
inline constexpr std::string_view kRateLimited = "RateLimited";
inline constexpr std::string_view kUnauthenticated = "Unauthenticated";
inline constexpr std::string_view kEndorsementKeyRejected = "EndorsementKeyRejected";
inline constexpr std::string_view kForbidden = "Forbidden";
inline constexpr std::string_view kActivationFailed = "ActivationFailed";
inline constexpr std::string_view kUnknownEnrollment = "UnknownEnrollment";
inline constexpr std::string_view kTooManyIdentities = "TooManyIdentities";
inline constexpr std::string_view kRequestMalformed = "RequestMalformed";
inline constexpr std::string_view kNotFound = "NotFound";
inline constexpr std::string_view kMethodNotAllowed = "MethodNotAllowed";
}  // namespace wire

}  // namespace plimsoll::appraisal
