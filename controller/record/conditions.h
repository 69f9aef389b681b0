#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "appraisal/judgement.h"
#include "base/clock.h"
#include "controller/objects.h"

// The conditions of a NodeAttestation, each computed in one place. `Enforced` is the leader's and
// computed where marks are written.
namespace plimsoll::controller::record {

inline constexpr std::string_view kTrusted = "Trusted";
inline constexpr std::string_view kEvidenceFresh = "EvidenceFresh";
inline constexpr std::string_view kIdentityVerified = "IdentityVerified";
inline constexpr std::string_view kBootVerified = "BootVerified";
inline constexpr std::string_view kRuntimeVerified = "RuntimeVerified";
inline constexpr std::string_view kAuditPassed = "AuditPassed";

void SetCondition(NodeAttestationStatus& status, std::string_view type, ConditionStatus value,
                  std::string_view reason, std::string message, WallTime now);

// IdentityVerified, BootVerified, RuntimeVerified and AuditPassed, from how every policy fared.
// Audit policies count for AuditPassed alone; of the others the first that objects is named.
void SetJudgementConditions(NodeAttestationStatus& status,
                            const std::vector<appraisal::PolicyResult>& results,
                            const std::optional<bool>& audit_passed, WallTime now);

// AuditPassed. It is False with DeprecatedReference where all policies would pass and some set that
// a policy matched is deprecated.
void SetAuditCondition(NodeAttestationStatus& status, const std::optional<bool>& passed,
                       const std::vector<appraisal::PolicyResult>& results, WallTime now);

}  // namespace plimsoll::controller::record
