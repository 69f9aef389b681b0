#include <fmt/format.h>

#include "appraisal/runtime_evidence.h"

namespace plimsoll::appraisal {
namespace {

using State = RuntimeEvidence::State;

// Static text, as a finding's check must be.
std::string_view CheckId(std::string_view id) {
  for (const std::string_view known : {"I4", "I6", "I9", "I11", "I12"}) {
    if (id == known) {
      return known;
    }
  }
  return "I9";
}

void Add(Findings& findings, std::optional<Reason> reason, std::string message,
         std::optional<tcg::AlgorithmId> bank = std::nullopt) {
  Finding finding{.check = "I7", .reason = reason};
  if (bank) {
    finding.pcr = PcrReference{*bank, ima::kDefaultPcr};
  }
  finding.message = std::move(message);
  findings.push_back(std::move(finding));
}

// Judges the entries of this chunk, whether or not PCR 10 is reached with them.
void JudgeEntries(const policy::CompiledPolicy& policy, RuntimeEvidence& runtime,
                  const ima::QuotedPcr& quoted, Findings& rejected, Findings& findings) {
  ima::Generation generation = runtime.before.generation;
  const ima::Judgement judgement = ima::Appraise(*runtime.list, runtime.count, runtime.first,
                                                 policy.ima_rules(), quoted, generation);
  runtime.after->generation = generation;
  runtime.judged = true;
  const PcrReference reference{runtime.before.bank, ima::kDefaultPcr};
  for (const ima::Finding& found : judgement.findings) {
    if (rejected.size() >= kMaxRuntimeFindings) {
      break;
    }
    Finding finding{
        .check = CheckId(found.check),
        .reason = found.revoked ? Reason::kReferenceRevoked : Reason::kRuntimeMeasurementRejected};
    finding.pcr = reference;
    finding.event = EventReference{static_cast<uint32_t>(found.entry), found.form};
    finding.observed = found.digest;
    finding.expected = found.closest;
    finding.message = found.message;
    rejected.push_back(std::move(finding));
  }
  if (!judgement.accepted && rejected.empty()) {
    Finding finding{.check = "I9", .reason = Reason::kRuntimeMeasurementRejected};
    finding.pcr = reference;
    finding.message =
        fmt::format("{} entries of the IMA list are not accepted", judgement.rejected);
    rejected.push_back(std::move(finding));
  }
  if (judgement.rejected > judgement.findings.size()) {
    Add(findings, std::nullopt,
        fmt::format("{} entries of the IMA list are not accepted, of which {} are shown",
                    judgement.rejected, judgement.findings.size()),
        reference.bank);
  }
  if (judgement.violations > 0 && policy.spec().runtime.count_violations) {
    Add(findings, std::nullopt,
        fmt::format("{} violations in the IMA list, counted only", judgement.violations),
        reference.bank);
  }
  if (judgement.boot_aggregate &&
      judgement.boot_aggregate->verdict == ima::BootAggregateVerdict::kNotJudged) {
    Add(findings, std::nullopt, judgement.boot_aggregate->message, reference.bank);
  }
}

// A PCR that IMA has never extended is reached by a list of nothing.
void I06_SomethingWasMeasured(const RuntimeEvidence& runtime, std::optional<Reason> reason,
                              Findings& findings) {
  if (runtime.after->generation.begun) {
    return;
  }
  Finding finding{.check = "I6", .reason = reason};
  finding.pcr = PcrReference{runtime.before.bank, ima::kDefaultPcr};
  finding.message =
      "IMA has measured nothing since boot, not even its boot aggregate: it is switched off";
  findings.push_back(std::move(finding));
}

}  // namespace

void CheckRuntime(const policy::CompiledPolicy& policy, RuntimeEvidence* runtime,
                  const ima::QuotedPcr& quoted, Findings& rejected, Findings& findings) {
  const policy::RuntimeMode mode = policy.spec().runtime.mode;
  if (mode == policy::RuntimeMode::kIgnored) {
    return;
  }
  const bool decides = mode == policy::RuntimeMode::kRequired;
  const auto unless_audit = [decides](Reason reason) {
    return decides ? std::optional(reason) : std::nullopt;
  };
  if (runtime == nullptr) {
    Add(findings, unless_audit(Reason::kEvidenceExpired),
        "what the IMA list says is not known; it is judged with the next evidence");
    return;
  }
  switch (runtime->state) {
    case State::kAbsent:
      Add(findings, unless_audit(Reason::kRuntimeListPending),
          "the policy needs the IMA list, and none came");
      break;
    case State::kNotQuoted:
      Add(findings, unless_audit(Reason::kWrongBank),
          "PCR 10 was not quoted, so nothing vouches for the IMA list");
      break;
    case State::kMiddle:
      Add(findings, unless_audit(Reason::kRuntimeListPending),
          "the IMA list begins in its middle, and what came before is not known here");
      break;
    case State::kRejected:
      break;  // the evidence itself is rejected, with its own finding
    case State::kPending:
      JudgeEntries(policy, *runtime, quoted, rejected, findings);
      Add(findings, unless_audit(Reason::kRuntimeListPending),
          fmt::format("{} entries of the IMA list have come, and more are to come before they "
                      "count",
                      runtime->first + runtime->count),
          runtime->before.bank);
      break;
    case State::kReached:
      JudgeEntries(policy, *runtime, quoted, rejected, findings);
      I06_SomethingWasMeasured(*runtime, unless_audit(Reason::kRuntimeMeasurementRejected),
                               findings);
      for (const Finding& finding : rejected) {
        findings.push_back(finding);
        findings.back().reason =
            unless_audit(finding.reason.value_or(Reason::kRuntimeMeasurementRejected));
      }
      break;
  }
}

}  // namespace plimsoll::appraisal
