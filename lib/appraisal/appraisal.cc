#include "appraisal/appraisal.h"

#include <utility>

#include "appraisal/quote_checks.h"

namespace plimsoll::appraisal {
namespace {

// Every policy under evidence that says nothing for the node: `reason` is its result.
std::vector<PolicyResult> ResultsWithout(const std::vector<AppliedPolicy>& policies, Reason reason,
                                         const std::string& message) {
  std::vector<PolicyResult> results;
  for (const AppliedPolicy& applied : policies) {
    if (applied.policy->mode() == policy::Mode::kSuspended && applied.last) {
      results.push_back(*applied.last);
      results.back().mode = policy::Mode::kSuspended;
      results.back().stands = true;
      continue;
    }
    PolicyResult result;
    result.name = applied.policy->meta().name;
    result.uid = applied.policy->meta().uid;
    result.generation = applied.policy->meta().generation;
    result.mode = applied.policy->mode();
    result.outcome =
        VerdictOf(reason) == Verdict::kUntrusted ? PolicyOutcome::kFail : PolicyOutcome::kUnknown;
    result.reason = reason;
    result.findings.push_back({.check = "evidence", .reason = reason, .message = message});
    results.push_back(std::move(result));
  }
  return results;
}

// The appraisal that ends with `finding`: never Trusted, since VerdictOf never is.
Appraisal EndWith(Finding finding, const std::vector<AppliedPolicy>& policies) {
  Appraisal appraisal;
  appraisal.reason = finding.reason.value_or(Reason::kEvidenceMalformed);
  appraisal.verdict = VerdictOf(appraisal.reason);
  appraisal.message = finding.message;
  appraisal.policies = ResultsWithout(policies, appraisal.reason, finding.message);
  for (const PolicyResult& result : appraisal.policies) {
    if (result.mode == policy::Mode::kAudit) {
      appraisal.audit_passed = false;
    }
  }
  appraisal.findings.push_back(std::move(finding));
  return appraisal;
}

Finding Because(std::string_view check, Reason reason, std::string message) {
  return {.check = check, .reason = reason, .message = std::move(message)};
}

Finding Malformed(std::string_view part, const Error& error) {
  return Because("Q1", Reason::kEvidenceMalformed, std::string(part) + ": " + error.message);
}

// A PCR value is as long as its bank's digests, or values could be cut apart in several ways (Q16).
bool HasWellFormedValues(const evidence::Evidence& evidence) {
  for (const evidence::PcrValue& value : evidence.pcrs) {
    if (value.digest.size() != tcg::DigestSize(value.bank) ||
        value.index > evidence::kMaxPcrIndex) {
      return false;
    }
  }
  return true;
}

// Step 8, as far as no policy is needed for it. nullopt: the quote is accepted.
std::optional<Appraisal> EndByClock(ClockOutcome outcome,
                                    const std::vector<AppliedPolicy>& policies) {
  switch (outcome) {
    case ClockOutcome::kFirst:
    case ClockOutcome::kSameEpoch:
    case ClockOutcome::kNewEpoch:
      return std::nullopt;
    case ClockOutcome::kStale: {
      Appraisal appraisal;
      appraisal.disposition = Disposition::kStale;
      appraisal.message = "the quote is not later than the last one";
      return appraisal;
    }
    case ClockOutcome::kReplayed:
      return EndWith(Because("Q8", Reason::kReplayedQuote,
                             "the third quote in a row that is not later than the last good one"),
                     policies);
    case ClockOutcome::kCountersReset: {
      Appraisal appraisal =
          EndWith(Because("Q8", Reason::kNotEnrolled,
                          "the TPM's counters ran backwards: the key must be activated again"),
                  policies);
      appraisal.disposition = Disposition::kCountersReset;
      return appraisal;
    }
    case ClockOutcome::kSharedTpm: {
      Appraisal appraisal =
          EndWith(Because("Q8", Reason::kNotEnrolled,
                          "two machines seem to share one TPM state: the key must be activated "
                          "and the identity approved again"),
                  policies);
      appraisal.disposition = Disposition::kSharedTpm;
      return appraisal;
    }
  }
  return EndWith(Because("Q8", Reason::kReplayedQuote, "clock not understood"), policies);
}

// A list goes on where it was only within one boot (Q9).
std::optional<RuntimePosition> RuntimeStart(const Expectation& expectation,
                                            const ClockJudgement& clock) {
  return clock.outcome == ClockOutcome::kSameEpoch ? expectation.runtime : std::nullopt;
}

// What rejects the evidence itself, first in the order of the checks.
std::optional<Finding> FirstRejection(const Findings& findings) {
  const Finding* first = nullptr;
  for (const Finding& finding : findings) {
    if (finding.reason && (first == nullptr || *finding.reason < *first->reason)) {
      first = &finding;
    }
  }
  return first == nullptr ? std::nullopt : std::optional(*first);
}

}  // namespace

Result<Appraisal> Appraise(const evidence::Evidence& evidence, const Expectation& expectation,
                           const std::vector<AppliedPolicy>& policies, MonotonicTime now) {
  const auto attest = tcg::Attest::Parse(evidence.attest);
  if (!attest) {
    return EndWith(Malformed("attest", attest.error()), policies);
  }
  const auto signature = tcg::Signature::Parse(evidence.signature);
  if (!signature) {
    return EndWith(Malformed("signature", signature.error()), policies);
  }
  std::optional<evidence::Statement> statement;
  if (evidence.statement) {
    auto decoded = evidence::DecodeStatement(*evidence.statement);
    if (!decoded) {
      return EndWith(Malformed("statement", decoded.error()), policies);
    }
    statement = *std::move(decoded);
  }
  if (!HasWellFormedValues(evidence)) {
    return EndWith(
        Because("Q16", Reason::kEvidenceMalformed, "a PCR value that is not of its bank's length"),
        policies);
  }

  PLIMSOLL_ASSIGN_OR_RETURN(auto failed, CheckQuote({evidence, expectation, *attest, *signature}));
  if (failed) {
    return EndWith(*std::move(failed), policies);
  }

  const std::string boot_id = statement ? statement->boot_id : std::string();
  const ClockJudgement clock = JudgeClock(expectation.recorded, attest->clock(), boot_id, now);
  if (auto ended = EndByClock(clock.outcome, policies)) {
    return *std::move(ended);
  }

  Facts facts;
  facts.pcrs = evidence.pcrs;
  facts.clock = attest->clock();
  facts.firmware = policy::FirmwareVersion{attest->firmware_version()};
  facts.boot_id = boot_id;
  facts.unexplained_reset = clock.unexplained_reset;
  facts.key_proven = expectation.key.area().has_value();

  Appraisal appraisal;
  facts.boot = JudgeBootLog(evidence, statement, appraisal.findings);
  const auto position = RuntimeStart(expectation, clock);
  // Suspended and resumed between question and answer: the position is of no use any more, but a
  // list that goes on from there is not wrong.
  const bool position_lost = expectation.runtime && !position && expectation.recorded &&
                             expectation.recorded->epoch.boot_id == boot_id;
  RuntimeEvidence runtime =
      JudgeRuntimeList(evidence, statement, position,
                       expectation.knows_earlier_rounds && !position_lost, appraisal.findings);
  Judgement judgement = JudgePolicies(facts, expectation.identity, policies,
                                      FirstRejection(appraisal.findings), &runtime);
  appraisal.verdict = judgement.verdict;
  appraisal.reason = judgement.reason;
  appraisal.message = std::move(judgement.message);
  appraisal.policies = std::move(judgement.policies);
  appraisal.audit_passed = judgement.audit_passed;
  appraisal.clock = NextRecord(expectation.recorded, attest->clock(), boot_id, now);
  appraisal.runtime = runtime.judged ? runtime.after : std::nullopt;
  if (runtime.list) {
    appraisal.ima = ima::Summarize(*runtime.list);
  }
  appraisal.facts = std::move(facts);
  appraisal.statement = std::move(statement);
  return appraisal;
}

Appraisal RejectMalformed(const Error& error, const std::vector<AppliedPolicy>& policies) {
  return EndWith(Malformed("evidence", error), policies);
}

}  // namespace plimsoll::appraisal
