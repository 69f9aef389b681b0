#include "appraisal/judgement.h"

#include <fmt/format.h>

#include <algorithm>

#include "appraisal/policy_checks.h"

namespace plimsoll::appraisal {
namespace {

// One reason among several: what proves something wrong before what only leaves it open, and then
// the order of the checks.
bool Outranks(Reason a, Reason b) {
  const bool a_proves = VerdictOf(a) == Verdict::kUntrusted;
  const bool b_proves = VerdictOf(b) == Verdict::kUntrusted;
  return a_proves != b_proves ? a_proves : a < b;
}

// What may be told to an agent: where, but neither the measured value nor an accepted one.
std::string Summary(const Finding& finding) {
  if (finding.reason == Reason::kPcrMismatch && finding.pcr) {
    return fmt::format("{} PCR {} holds a value that is not accepted",
                       tcg::BankName(finding.pcr->bank), finding.pcr->index);
  }
  return finding.message;
}

PolicyResult ResultFor(const policy::CompiledPolicy& policy) {
  PolicyResult result;
  result.name = policy.meta().name;
  result.uid = policy.meta().uid;
  result.generation = policy.meta().generation;
  result.mode = policy.mode();
  const policy::AttestationPolicy& spec = policy.spec();
  result.asks_boot =
      spec.boot || std::any_of(spec.pcrs.begin(), spec.pcrs.end(), [](const policy::PcrRule& rule) {
        return rule.match == policy::PcrMatch::kEventLogOnly;
      });
  result.asks_runtime = spec.runtime.mode == policy::RuntimeMode::kRequired;
  return result;
}

void Note(PolicyResult& result, std::string_view check, Reason reason, std::string message) {
  result.findings.push_back({.check = check, .reason = reason, .message = std::move(message)});
}

// Outcome and reason from the findings.
void Conclude(PolicyResult& result) {
  std::optional<Reason> first;
  for (const Finding& finding : result.findings) {
    if (finding.reason && (!first || Outranks(*finding.reason, *first))) {
      first = finding.reason;
    }
  }
  result.reason = first.value_or(Reason::kAllPoliciesPassed);
  result.outcome = !first                                     ? PolicyOutcome::kPass
                   : VerdictOf(*first) == Verdict::kUntrusted ? PolicyOutcome::kFail
                                                              : PolicyOutcome::kUnknown;
}

// Where all that keeps a policy open is what stored facts do not tell, its last result goes on to
// hold. Anything that they do tell has been judged anew, and decides.
void HoldOver(PolicyResult& result, const PolicyResult& last) {
  const bool only_not_known =
      result.outcome == PolicyOutcome::kUnknown &&
      std::all_of(result.findings.begin(), result.findings.end(), [](const Finding& finding) {
        return !finding.reason || *finding.reason == Reason::kEvidenceExpired;
      });
  if (!only_not_known || last.outcome == PolicyOutcome::kUnknown) {
    return;
  }
  result.outcome = last.outcome;
  result.reason = last.reason;
  result.generation = last.generation;
  result.findings = last.findings;
  result.held_over = true;
}

// The quoted PCRs, as lib/ima asks for them.
ima::QuotedPcr QuotedBy(const Facts& facts) {
  return [&facts](tcg::AlgorithmId bank, uint32_t pcr) -> std::optional<ByteSpan> {
    for (const evidence::PcrValue& value : facts.pcrs) {
      if (value.bank == bank && value.index == pcr) {
        return value.digest;
      }
    }
    return std::nullopt;
  };
}

PolicyResult JudgePolicy(const AppliedPolicy& applied, const Facts& facts,
                         const IdentityFacts& identity, const std::optional<Finding>& rejection,
                         RuntimeEvidence* runtime) {
  const policy::CompiledPolicy& policy = *applied.policy;
  PolicyResult result = ResultFor(policy);
  if (!policy.ready()) {
    Note(result, "policy", Reason::kPolicyNotReady,
         "the policy cannot be judged: " + policy.problem());
    Conclude(result);
    return result;
  }
  const auto admission = CheckAdmission(policy, identity);
  if (policy.mode() == policy::Mode::kSuspended) {
    if (applied.last) {
      result = *applied.last;
      result.mode = policy.mode();
      result.stands = true;
    } else {
      Note(result, "policy", Reason::kEvidenceExpired,
           "the policy is suspended, and its last result has expired");
      Conclude(result);
    }
    result.identity = admission ? admission->reason : std::nullopt;
    return result;
  }
  CheckPolicy(policy, facts, identity, result);
  result.runtime_rejected = applied.runtime_rejected;
  CheckRuntime(policy, runtime, QuotedBy(facts), result.runtime_rejected, result.findings);
  if (rejection) {
    result.findings.push_back(*rejection);
  }
  if (!facts.key_proven) {
    Note(result, "K1", Reason::kAttestationKeyUnproven,
         "the key has no public area, so nothing shows that it signs only what a TPM made");
  }
  FindOutstanding(policy, facts, identity, result);
  if (admission) {
    result.identity = admission->reason;
    result.findings.push_back(*admission);
  }
  Conclude(result);
  if (runtime == nullptr && applied.last && applied.may_hold_over) {
    HoldOver(result, *applied.last);
  }
  return result;
}

// What a policy's result says about the node: nullopt when it passes.
std::optional<Reason> Objection(const PolicyResult& result) {
  if (result.reason != Reason::kPolicyNotReady && result.identity) {
    return result.identity;
  }
  return result.outcome == PolicyOutcome::kPass ? std::nullopt : std::optional(result.reason);
}

std::string MessageFor(const PolicyResult& result, Reason reason) {
  for (const Finding& finding : result.findings) {
    if (finding.reason == reason) {
      return fmt::format("policy {}: {}", result.name, Summary(finding));
    }
  }
  return fmt::format("policy {}: {}", result.name, ToString(reason));
}

// Facts may be judged without the evidence that they are of: a log that was refused once stays so.
std::optional<Finding> RejectionOf(const Facts& facts) {
  if (!facts.boot || facts.boot->state != BootEvidence::State::kRejected) {
    return std::nullopt;
  }
  return Finding{.check = "L1",
                 .reason = Reason::kEventLogMismatch,
                 .message = "the boot event log was not one of the quoted PCRs"};
}

bool Enforces(const PolicyResult& result) { return result.mode != policy::Mode::kAudit; }

void SetAuditPassed(Judgement& judgement) {
  for (const PolicyResult& result : judgement.policies) {
    if (!Enforces(result)) {
      const bool passes = result.outcome == PolicyOutcome::kPass;
      judgement.audit_passed = judgement.audit_passed.value_or(true) && passes;
    }
  }
}

}  // namespace

std::string_view ToString(PolicyOutcome outcome) {
  switch (outcome) {
    case PolicyOutcome::kUnknown:
      return "Unknown";
    case PolicyOutcome::kFail:
      return "Fail";
    case PolicyOutcome::kPass:
      return "Pass";
  }
  return "";
}

Judgement JudgePolicies(const Facts& facts, const IdentityFacts& identity,
                        const std::vector<AppliedPolicy>& policies,
                        const std::optional<Finding>& evidence_rejection,
                        RuntimeEvidence* runtime) {
  const auto rejection = evidence_rejection ? evidence_rejection : RejectionOf(facts);
  Judgement judgement;
  judgement.policies.reserve(policies.size());
  for (const AppliedPolicy& applied : policies) {
    judgement.policies.push_back(JudgePolicy(applied, facts, identity, rejection, runtime));
  }
  SetAuditPassed(judgement);

  size_t enforcing = 0;
  std::optional<Reason> objection;
  if (!facts.key_proven) {
    objection = Reason::kAttestationKeyUnproven;
    judgement.message = "the attestation key has no public area that could be judged";
  }
  if (rejection && (!objection || Outranks(*rejection->reason, *objection))) {
    objection = rejection->reason;
    judgement.message = rejection->message;
  }
  for (const PolicyResult& result : judgement.policies) {
    if (!Enforces(result)) {
      continue;
    }
    ++enforcing;
    const auto reason = Objection(result);
    if (reason && (!objection || Outranks(*reason, *objection))) {
      objection = reason;
      judgement.message = MessageFor(result, *reason);
    }
  }
  if (objection) {
    judgement.verdict = VerdictOf(*objection);
    judgement.reason = *objection;
    return judgement;
  }
  if (enforcing == 0) {
    judgement.reason = Reason::kNoEnforcingPolicy;
    judgement.message = "no enforcing policy selects the node";
    return judgement;
  }
  // The one place where anything becomes Trusted.
  judgement.verdict = Verdict::kTrusted;
  judgement.reason = Reason::kAllPoliciesPassed;
  judgement.message =
      fmt::format("{} enforcing polic{} passed", enforcing, enforcing == 1 ? "y" : "ies");
  return judgement;
}

}  // namespace plimsoll::appraisal
