#include "controller/record/transition.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "api/stored_facts.h"
#include "base/encoding.h"
#include "controller/record/conditions.h"
#include "controller/record/recovery.h"
#include "controller/record/violations.h"
#include "tcg/algorithm.h"

namespace plimsoll::controller::record {
namespace {

using appraisal::PolicyOutcome;
using appraisal::Reason;
using appraisal::Verdict;

constexpr size_t kMaxTransitions = 10;
constexpr size_t kMaxViolations = 16;
constexpr size_t kMaxRuntimeRejected = 4;  // one is enough to keep a node rejected
constexpr size_t kMaxFailedPoliciesBytes = 256;
constexpr std::string_view kSince =
    "; since then: ";  // parts the message of a sticking verdict from what came after it

std::string_view ModeText(policy::Mode mode) { return policy::ToString(mode); }

NodeAttestationStatus Begin(const NodeAttestationStatus& before, const Surroundings& s) {
  if (before.node_uid == s.node_uid) {
    return before;
  }
  NodeAttestationStatus fresh;
  fresh.node_uid = s.node_uid;
  return fresh;
}

// The one place where a summary changes.
void SetSummary(NodeAttestationStatus& status, Verdict verdict, std::string_view reason,
                std::string message, WallTime now) {
  const std::string summary(appraisal::ToString(verdict));
  const ConditionStatus value = verdict == Verdict::kTrusted     ? ConditionStatus::kTrue
                                : verdict == Verdict::kUntrusted ? ConditionStatus::kFalse
                                                                 : ConditionStatus::kUnknown;
  if (status.summary != summary) {
    status.transitions.push_back(
        {.time = now, .from = status.summary, .to = summary, .reason = std::string(reason)});
    if (status.transitions.size() > kMaxTransitions) {
      status.transitions.erase(status.transitions.begin());
    }
    status.summary = summary;
  }
  SetCondition(status, kTrusted, value, reason, std::move(message), now);
}

// Untrusted, and some Enforce policy still selects the node.
bool Sticks(const NodeAttestationStatus& status, const Surroundings& s) {
  return status.summary == appraisal::ToString(Verdict::kUntrusted) && s.policies.enforced &&
         Find(status.conditions, kTrusted) != nullptr;
}

// The verdict stays Untrusted, for its reason; the message says what came since.
void KeepUntrusted(NodeAttestationStatus& status, std::string_view since, WallTime now) {
  Condition kept = *Find(status.conditions, kTrusted);
  kept.message =
      fmt::format("{}{}{}", kept.message.substr(0, kept.message.find(kSince)), kSince, since);
  Set(status.conditions, std::move(kept), now);
}

// Sets the summary as the rules over time allow: without an Enforce policy nobody asks, so the node
// is Unknown whatever its evidence was (EvidenceFresh says that); and an Unknown outcome does not
// end Untrusted while some Enforce policy selects the node.
void Settle(NodeAttestationStatus& status, Verdict verdict, Reason reason,
            const std::string& message, const Surroundings& s) {
  if (!s.policies.enforced) {
    const bool rejected = verdict == Verdict::kUntrusted;
    SetSummary(
        status, Verdict::kUnknown, appraisal::ToString(Reason::kNoEnforcingPolicy),
        rejected
            ? fmt::format("no Enforce policy selects the node; its evidence was rejected: {}: {}",
                          appraisal::ToString(reason), message)
            : message,
        s.now);
    return;
  }
  if (verdict != Verdict::kUnknown || !Sticks(status, s)) {
    SetSummary(status, verdict, appraisal::ToString(reason), message, s.now);
    return;
  }
  KeepUntrusted(status, fmt::format("{}: {}", appraisal::ToString(reason), message), s.now);
}

// The evidence is good, but a failure before it has not been acknowledged.
void HoldBack(NodeAttestationStatus& status, const Surroundings& s) {
  constexpr std::string_view kWaits =
      "the evidence is good and the failure waits to be acknowledged (annotation "
      "plimsoll.dev/acknowledged-at)";
  PlaceFailureInThisBoot(status);
  if (Sticks(status, s)) {
    KeepUntrusted(status, kWaits, s.now);
  } else {
    SetSummary(status, Verdict::kUntrusted, status.failure->reason,
               fmt::format("the TPM failed under an earlier Node{}{}", kSince, kWaits), s.now);
  }
}

// Settles what was judged, by new evidence or by stored facts. Whether the node is Trusted by it.
bool SettleJudgement(NodeAttestationStatus& status, Verdict verdict, Reason reason,
                     const std::string& message, bool of_facts, const Surroundings& s) {
  TakeOverFailure(status, s);
  if (verdict == Verdict::kTrusted && FailureStands(status, s)) {
    HoldBack(status, s);
    return false;
  }
  if (verdict == Verdict::kTrusted) {
    status.failure.reset();
  } else if (verdict == Verdict::kUntrusted) {
    KeepFailure(status, appraisal::ToString(reason), of_facts, s);
  }
  Settle(status, verdict, reason, message, s);
  return verdict == Verdict::kTrusted;
}

PolicyResult ToStored(const appraisal::PolicyResult& result, const NodeAttestationStatus& before,
                      WallTime now) {
  PolicyResult stored{.name = result.name,
                      .uid = result.uid,
                      .observed_generation = result.generation,
                      .mode = std::string(ModeText(result.mode)),
                      .result = std::string(appraisal::ToString(result.outcome)),
                      .reason = std::string(appraisal::ToString(result.reason)),
                      .held_over = false,
                      .judged_time = now,
                      .violations = {},
                      .runtime_rejected = {},
                      .reference_values = {}};
  const auto last = std::find_if(before.policies.begin(), before.policies.end(),
                                 [&](const PolicyResult& p) { return p.uid == result.uid; });
  if (result.stands && last != before.policies.end()) {
    stored.judged_time = last->judged_time;
  }
  // What fails the policy before what is only worth knowing, so that it is never cut off.
  for (const bool failing : {true, false}) {
    for (const appraisal::Finding& finding : result.findings) {
      if (finding.reason.has_value() == failing && stored.violations.size() < kMaxViolations) {
        stored.violations.push_back(ToViolation(finding));
      }
    }
  }
  for (const appraisal::Finding& finding : result.runtime_rejected) {
    if (stored.runtime_rejected.size() < kMaxRuntimeRejected) {
      stored.runtime_rejected.push_back(ToViolation(finding));
    }
  }
  stored.reference_values = result.matched_sets;
  stored.held_over = result.held_over;
  if ((result.held_over || result.stands) && last != before.policies.end()) {
    stored.reference_values = last->reference_values;
    stored.runtime_rejected = last->runtime_rejected;
  }
  return stored;
}

void StorePolicies(NodeAttestationStatus& status,
                   const std::vector<appraisal::PolicyResult>& results, WallTime now) {
  std::vector<PolicyResult> stored;
  stored.reserve(results.size());
  std::string failed;
  for (const appraisal::PolicyResult& result : results) {
    stored.push_back(ToStored(result, status, now));
    if (result.mode != policy::Mode::kAudit && result.outcome == PolicyOutcome::kFail &&
        failed.size() + result.name.size() + 1 <= kMaxFailedPoliciesBytes) {
      failed += failed.empty() ? result.name : "," + result.name;
    }
  }
  status.policies = std::move(stored);
  status.failed_policies = std::move(failed);
}

// Pass or Fail for every PCR that a policy reads, empty for the others.
std::string PcrOutcome(const PcrValue& pcr, const policies::NodePolicies& policies,
                       const std::vector<appraisal::PolicyResult>& results) {
  bool read = false;
  for (const auto& compiled : policies.policies) {
    for (const policy::PcrRule& rule : compiled->spec().pcrs) {
      read = read || (rule.index == pcr.index && tcg::BankName(rule.bank) == pcr.bank);
    }
  }
  if (!read) {
    return {};
  }
  for (const appraisal::PolicyResult& result : results) {
    for (const appraisal::Finding& finding : result.findings) {
      if (finding.reason && finding.pcr && finding.pcr->index == pcr.index &&
          tcg::BankName(finding.pcr->bank) == pcr.bank) {
        return "Fail";
      }
    }
  }
  return "Pass";
}

void StoreFacts(NodeAttestationStatus& status, const appraisal::Facts& facts) {
  status.pcrs.clear();
  for (const evidence::PcrValue& value : facts.pcrs) {
    status.pcrs.push_back({.bank = std::string(tcg::BankName(value.bank)),
                           .index = value.index,
                           .digest = ToHex(value.digest),
                           .result = {}});
  }
  status.boot_id = facts.boot_id;
  status.boot = facts.boot ? api::RecordOf(*facts.boot) : BootRecord{};
  if (facts.clock) {
    status.clock =
        TpmClock{.clock = static_cast<int64_t>(facts.clock->clock),
                 .reset_count = facts.clock->reset_count,
                 .restart_count = facts.clock->restart_count,
                 .safe = facts.clock->safe,
                 .unexplained_reset = facts.unexplained_reset,
                 .firmware_version = facts.firmware ? facts.firmware->ToText() : std::string()};
  }
}

bool IsOfThatBoot(const NodeAttestationStatus& status, const appraisal::Facts& facts) {
  return status.clock && facts.clock && status.boot_id == facts.boot_id &&
         status.clock->reset_count == facts.clock->reset_count &&
         status.clock->restart_count == facts.clock->restart_count;
}

// How far the IMA list is judged; before StoreFacts, which makes the status one of this boot.
void StoreRuntime(NodeAttestationStatus& status, const appraisal::Appraisal& appraisal,
                  const policies::NodePolicies& policies) {
  std::optional<ImaRecord> before = std::exchange(status.ima, std::nullopt);
  if (!before || !IsOfThatBoot(status, *appraisal.facts) ||
      before->rules != policies.runtime_rules) {
    before.reset();
  }
  if (!appraisal.runtime) {
    status.ima = std::move(before);
    return;
  }
  const appraisal::RuntimePosition& position = *appraisal.runtime;
  const bool goes_on = before && appraisal.statement && appraisal.statement->ima &&
                       appraisal.statement->ima->from != 0;
  ImaRecord record;
  if (goes_on) {
    record = *before;
  }
  record.entries = static_cast<int64_t>(position.list.entries);
  record.bank = tcg::BankName(position.bank);
  record.digest = ToHex(position.list.digest);
  record.begun = position.generation.begun;
  record.kexec_pending = position.generation.kexec_pending;
  record.rules = policies.runtime_rules;
  if (appraisal.ima) {
    record.violations += static_cast<int64_t>(appraisal.ima->violations);
    if (appraisal.ima->boot_aggregate) {
      record.boot_aggregate = ToHex(*appraisal.ima->boot_aggregate);
    }
  }
  status.ima = std::move(record);
}

void StorePcrOutcomes(NodeAttestationStatus& status, const policies::NodePolicies& policies,
                      const std::vector<appraisal::PolicyResult>& results) {
  for (PcrValue& pcr : status.pcrs) {
    pcr.result = PcrOutcome(pcr, policies, results);
  }
}

// What a judgement changes, from fresh evidence or from stored facts alike.
void StoreJudgement(NodeAttestationStatus& status,
                    const std::vector<appraisal::PolicyResult>& results,
                    const std::optional<bool>& audit_passed, const Surroundings& s) {
  StorePcrOutcomes(status, s.policies, results);
  StorePolicies(status, results, s.now);
  SetJudgementConditions(status, results, audit_passed, s.now);
  status.inputs = s.inputs;
}

// The policies of a node about which nothing new could be found out. Where Untrusted sticks, what
// proved it stays readable.
void StoreUnjudged(NodeAttestationStatus& status, std::string_view reason, const Surroundings& s) {
  const bool sticks = Sticks(status, s);
  std::vector<PolicyResult> results;
  for (const auto& compiled : s.policies.policies) {
    const auto last =
        std::find_if(status.policies.begin(), status.policies.end(),
                     [&](const PolicyResult& p) { return p.uid == compiled->meta().uid; });
    if (sticks && last != status.policies.end()) {
      results.push_back(*last);
      continue;
    }
    results.push_back(
        {.name = compiled->meta().name,
         .uid = compiled->meta().uid,
         .observed_generation = compiled->meta().generation,
         .mode = std::string(ModeText(compiled->mode())),
         .result = std::string(appraisal::ToString(PolicyOutcome::kUnknown)),
         .reason =
             std::string(compiled->ready() ? reason : appraisal::ToString(Reason::kPolicyNotReady)),
         .held_over = false,
         .judged_time = last == status.policies.end() ? std::nullopt : last->judged_time,
         .violations = {},
         .runtime_rejected = {},
         .reference_values = {}});
  }
  status.policies = std::move(results);
  if (!sticks) {
    status.failed_policies.clear();
  }
}

}  // namespace

NodeAttestationStatus AfterAppraisal(const NodeAttestationStatus& before,
                                     const appraisal::Appraisal& appraisal,
                                     const std::string& identity, const Surroundings& s) {
  NodeAttestationStatus status = Begin(before, s);
  status.tpm_identity = identity;
  if (appraisal.facts) {
    StoreRuntime(status, appraisal, s.policies);
    StoreFacts(status, *appraisal.facts);
    status.last_verified_time = s.now;
    status.expiration_time = s.now + s.policies.expire;
    SetCondition(status, kEvidenceFresh, ConditionStatus::kTrue, "Verified",
                 "the last quote verified", s.now);
  } else {
    SetCondition(status, kEvidenceFresh, ConditionStatus::kFalse,
                 appraisal::ToString(appraisal.reason), appraisal.message, s.now);
  }
  status.consecutive_failures =
      appraisal.verdict == Verdict::kUntrusted ? status.consecutive_failures + 1 : 0;
  StoreJudgement(status, appraisal.policies, appraisal.audit_passed, s);
  if (SettleJudgement(status, appraisal.verdict, appraisal.reason, appraisal.message,
                      appraisal.facts.has_value(), s)) {
    status.last_trusted_time = s.now;
  }
  return status;
}

NodeAttestationStatus AfterRejudgement(const NodeAttestationStatus& before,
                                       const appraisal::Judgement& judgement,
                                       const Surroundings& s) {
  NodeAttestationStatus status = Begin(before, s);
  StoreJudgement(status, judgement.policies, judgement.audit_passed, s);
  if (status.last_verified_time) {
    status.expiration_time = std::min(status.expiration_time.value_or(s.now),
                                      *status.last_verified_time + s.policies.expire);
  }
  if (SettleJudgement(status, judgement.verdict, judgement.reason, judgement.message, true, s)) {
    status.last_trusted_time = status.last_verified_time;
  }
  return status;
}

NodeAttestationStatus AfterStateChange(const NodeAttestationStatus& before, Reason reason,
                                       const std::string& message, const Surroundings& s) {
  NodeAttestationStatus status = Begin(before, s);
  const std::string_view word = appraisal::ToString(reason);
  switch (reason) {
    case Reason::kIdentityPending:
      SetCondition(status, kIdentityVerified, ConditionStatus::kUnknown, word, message, s.now);
      break;
    case Reason::kIdentityDenied:
    case Reason::kIdentityConflict:
      SetCondition(status, kIdentityVerified, ConditionStatus::kFalse, word, message, s.now);
      SetCondition(status, kEvidenceFresh, ConditionStatus::kFalse, word, message, s.now);
      break;
    case Reason::kPolicyNotReady:
    case Reason::kNoEnforcingPolicy:
      break;
    case Reason::kNotEnrolled:
      SetCondition(status, kIdentityVerified, ConditionStatus::kUnknown, word, message, s.now);
      SetCondition(status, kEvidenceFresh, ConditionStatus::kFalse, word, message, s.now);
      break;
    default:  // the evidence is gone or could not be made
      SetCondition(status, kEvidenceFresh, ConditionStatus::kFalse, word, message, s.now);
      break;
  }
  StoreUnjudged(status, word, s);
  if (Find(status.conditions, kAuditPassed) == nullptr) {
    SetAuditCondition(status, std::nullopt, {}, s.now);
  }
  status.inputs = s.inputs;
  Settle(status, Verdict::kUnknown, reason, message, s);
  return status;
}

bool MayRejudge(const NodeAttestationStatus& status, const std::string& node_uid, WallTime now) {
  const Condition* fresh = Find(status.conditions, kEvidenceFresh);
  return status.node_uid == node_uid && !status.pcrs.empty() && status.clock &&
         !status.tpm_identity.empty() && status.expiration_time && now < *status.expiration_time &&
         fresh != nullptr && fresh->status == ConditionStatus::kTrue;
}

appraisal::Findings RuntimeRejections(const PolicyResult& result) {
  return ToFindings(result.runtime_rejected);
}

std::vector<appraisal::AppliedPolicy> Applied(const policies::NodePolicies& policies,
                                              const NodeAttestationStatus& status, WallTime now) {
  std::vector<appraisal::AppliedPolicy> applied;
  applied.reserve(policies.policies.size());
  for (const auto& compiled : policies.policies) {
    appraisal::AppliedPolicy entry{.policy = compiled, .last = std::nullopt};
    const auto last =
        std::find_if(status.policies.begin(), status.policies.end(),
                     [&](const PolicyResult& p) { return p.uid == compiled->meta().uid; });
    entry.may_hold_over =
        status.last_verified_time && now < *status.last_verified_time + policies.interval;
    if (last != status.policies.end() && last->judged_time &&
        now < *last->judged_time + compiled->spec().freshness.expire && last->result != "Unknown") {
      const auto reason = appraisal::ParseReason(last->reason);
      entry.last = appraisal::PolicyResult{
          .name = last->name,
          .uid = last->uid,
          .generation = last->observed_generation,
          .mode = compiled->mode(),
          .outcome = last->result == "Pass" ? PolicyOutcome::kPass : PolicyOutcome::kFail,
          .reason = reason.value_or(Reason::kPolicyNotReady),
          .identity = std::nullopt,
          .stands = true,
          .findings = ToFindings(last->violations)};
      if (!reason) {
        entry.last.reset();  // written by another version
      }
    }
    applied.push_back(std::move(entry));
  }
  return applied;
}

bool JudgedWithNewerInputs(const NodeAttestationStatus& status,
                           const policies::NodePolicies& policies) {
  return std::any_of(policies.policies.begin(), policies.policies.end(), [&](const auto& compiled) {
    return std::any_of(status.policies.begin(), status.policies.end(),
                       [&](const PolicyResult& result) {
                         return result.uid == compiled->meta().uid &&
                                result.observed_generation > compiled->meta().generation;
                       });
  });
}

}  // namespace plimsoll::controller::record
