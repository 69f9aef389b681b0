#include "controller/record/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plimsoll::controller::record {
namespace {

using appraisal::Reason;
using appraisal::Verdict;

bool Decides(const appraisal::PolicyResult& result) { return result.mode != policy::Mode::kAudit; }

bool IsAboutBoot(Reason reason) {
  switch (reason) {
    case Reason::kEventLogMalformed:
    case Reason::kEventLogMismatch:
    case Reason::kEventLogMissing:
    case Reason::kSecureBootDisabled:
    case Reason::kBootComponentNotAccepted:
    case Reason::kCommandLineRejected:
      return true;
    default:
      return false;
  }
}

bool IsAboutRuntime(Reason reason) {
  switch (reason) {
    case Reason::kRuntimeListMismatch:
    case Reason::kRuntimeMeasurementRejected:
    case Reason::kRuntimeListPending:
      return true;
    default:
      return false;
  }
}

// Of a revoked reference only the check tells what it was a reference of.
bool Concerns(const appraisal::Finding& finding, bool (*about)(Reason), char family) {
  if (!finding.reason) {
    return false;
  }
  return about(*finding.reason) ||
         (*finding.reason == Reason::kReferenceRevoked && finding.check.starts_with(family));
}

struct Aspect {
  std::string_view condition;
  bool (*about)(Reason);
  char family;  // of check ids
  std::string_view verified;
  std::string_view verified_message;
  std::string_view not_asked;
  std::string_view not_asked_message;
};

constexpr Aspect kBoot = {kBootVerified,
                          IsAboutBoot,
                          'B',
                          "BootRulesPassed",
                          "what was booted is what every policy accepts",
                          "NoBootRule",
                          "no policy that decides has rules about the boot"};
constexpr Aspect kRuntime = {kRuntimeVerified,
                             IsAboutRuntime,
                             'I',
                             "RuntimeRulesPassed",
                             "every measured file is one that every policy accepts",
                             "NoRuntimeRule",
                             "no policy that decides has rules about the IMA list"};

void SetAspect(NodeAttestationStatus& status, const Aspect& aspect,
               const std::vector<appraisal::PolicyResult>& results,
               bool (*asks)(const appraisal::PolicyResult&), WallTime now) {
  bool asked = false;
  const appraisal::Finding* open = nullptr;
  std::string policy;
  for (const appraisal::PolicyResult& result : results) {
    if (!Decides(result) || !asks(result)) {
      continue;
    }
    asked = true;
    for (const appraisal::Finding& finding : result.findings) {
      if (!Concerns(finding, aspect.about, aspect.family)) {
        continue;
      }
      const bool proves = appraisal::VerdictOf(*finding.reason) == Verdict::kUntrusted;
      if (open == nullptr ||
          (proves && appraisal::VerdictOf(*open->reason) != Verdict::kUntrusted)) {
        open = &finding;
        policy = result.name;
      }
    }
  }
  if (open != nullptr) {
    SetCondition(status, aspect.condition,
                 appraisal::VerdictOf(*open->reason) == Verdict::kUntrusted
                     ? ConditionStatus::kFalse
                     : ConditionStatus::kUnknown,
                 appraisal::ToString(*open->reason),
                 fmt::format("policy {}: {}", policy, open->message), now);
  } else if (asked) {
    SetCondition(status, aspect.condition, ConditionStatus::kTrue, aspect.verified,
                 std::string(aspect.verified_message), now);
  } else {
    SetCondition(status, aspect.condition, ConditionStatus::kUnknown, aspect.not_asked,
                 std::string(aspect.not_asked_message), now);
  }
}

void SetIdentityCondition(NodeAttestationStatus& status,
                          const std::vector<appraisal::PolicyResult>& results, WallTime now) {
  bool judged = false;
  for (const appraisal::PolicyResult& result : results) {
    if (result.mode == policy::Mode::kAudit) {
      continue;
    }
    judged = true;
    if (result.identity) {
      SetCondition(
          status, kIdentityVerified,
          *result.identity == Reason::kIdentityDenied ? ConditionStatus::kFalse
                                                      : ConditionStatus::kUnknown,
          appraisal::ToString(*result.identity),
          fmt::format("identity {} does not count for policy {}", status.tpm_identity, result.name),
          now);
      return;
    }
  }
  if (judged) {
    SetCondition(status, kIdentityVerified, ConditionStatus::kTrue, "Admitted",
                 fmt::format("identity {} counts for every policy", status.tpm_identity), now);
  } else {
    SetCondition(status, kIdentityVerified, ConditionStatus::kUnknown,
                 appraisal::ToString(Reason::kNoEnforcingPolicy), "no policy asks for an identity",
                 now);
  }
}

}  // namespace

void SetCondition(NodeAttestationStatus& status, std::string_view type, ConditionStatus value,
                  std::string_view reason, std::string message, WallTime now) {
  Set(status.conditions,
      {.type = std::string(type),
       .status = value,
       .reason = std::string(reason),
       .message = std::move(message)},
      now);
}

void SetJudgementConditions(NodeAttestationStatus& status,
                            const std::vector<appraisal::PolicyResult>& results,
                            const std::optional<bool>& audit_passed, WallTime now) {
  SetIdentityCondition(status, results, now);
  SetAspect(
      status, kBoot, results, [](const appraisal::PolicyResult& r) { return r.asks_boot; }, now);
  SetAspect(
      status, kRuntime, results, [](const appraisal::PolicyResult& r) { return r.asks_runtime; },
      now);
  SetAuditCondition(status, audit_passed, results, now);
}

void SetAuditCondition(NodeAttestationStatus& status, const std::optional<bool>& passed,
                       const std::vector<appraisal::PolicyResult>& results, WallTime now) {
  if (passed && !*passed) {
    SetCondition(status, kAuditPassed, ConditionStatus::kFalse, "AuditPolicyFailing",
                 "an Audit policy would not pass; see status.policies", now);
    return;
  }
  const auto deprecated =
      std::find_if(results.begin(), results.end(),
                   [](const appraisal::PolicyResult& result) { return result.deprecated; });
  if (deprecated != results.end()) {
    SetCondition(status, kAuditPassed, ConditionStatus::kFalse, "DeprecatedReference",
                 fmt::format("policy {} is met by deprecated reference values; see "
                             "status.policies",
                             deprecated->name),
                 now);
  } else if (passed) {
    SetCondition(status, kAuditPassed, ConditionStatus::kTrue, "AllAuditPoliciesPassed",
                 "every Audit policy would pass", now);
  } else {
    SetCondition(status, kAuditPassed, ConditionStatus::kUnknown, "NoAuditPolicy",
                 "no Audit policy selects the node", now);
  }
}

}  // namespace plimsoll::controller::record
