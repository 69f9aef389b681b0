#include "appraisal/policy_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

Finding Found(std::string_view check, std::optional<Reason> reason, std::string message) {
  return {.check = check,
          .reason = reason,
          .pcr = std::nullopt,
          .observed = {},
          .expected = {},
          .message = std::move(message)};
}

void Q10_ClockIsSafe(const policy::TpmRule& rule, const Facts& facts, Findings& findings) {
  if (!rule.require_clock_safe) {
    return;
  }
  if (!facts.clock) {
    findings.push_back(
        Found("Q10", Reason::kEvidenceExpired, "whether the TPM's clock is safe is not known"));
  } else if (!facts.clock->safe) {
    findings.push_back(Found("Q10", Reason::kClockUnsafe,
                             "the TPM was not shut down in order: its clock may have run back"));
  }
}

void Q11_FirmwareIsNotBelowTheFloor(const policy::TpmRule& rule, const Facts& facts,
                                    const IdentityFacts& identity, Findings& findings) {
  if (rule.firmware_floor.empty()) {
    return;
  }
  if (identity.manufacturer.empty()) {
    findings.push_back(Found("Q11", std::nullopt,
                             "the TPM's manufacturer is not known: no firmware floor was judged"));
    return;
  }
  for (const policy::FirmwareFloor& floor : rule.firmware_floor) {
    if (floor.manufacturer != identity.manufacturer) {
      continue;
    }
    if (!facts.firmware) {
      findings.push_back(
          Found("Q11", Reason::kEvidenceExpired, "the TPM's firmware version is not known"));
      return;
    }
    if (*facts.firmware < floor.version) {
      Finding finding = Found("Q11", Reason::kFirmwareRejected,
                              fmt::format("{} firmware {} is below the floor", floor.manufacturer,
                                          facts.firmware->ToText()));
      finding.observed = facts.firmware->ToText();
      finding.expected = floor.version.ToText() + " or later";
      findings.push_back(std::move(finding));
    }
  }
}

void Q09_ResetIsExplained(const policy::TpmRule& rule, const Facts& facts, Findings& findings) {
  if (!facts.unexplained_reset) {
    return;
  }
  findings.push_back(Found(
      "Q9", rule.reject_unexplained_reset ? std::optional(Reason::kUnexplainedReset) : std::nullopt,
      "the TPM was reset or resumed while the host went on running the same boot"));
}

bool IsAll(ByteSpan digest, uint8_t byte) {
  return std::all_of(digest.begin(), digest.end(), [byte](uint8_t b) { return b == byte; });
}

// A PCR of zeros or ones was never fed by firmware; such a value counts only where it is listed,
// which needs no rule of its own as long as a PCR must hold one of the listed values.
void Q17_PcrHoldsAnAcceptedValue(const policy::PcrRule& rule, const Facts& facts,
                                 Findings& findings) {
  const auto value =
      std::find_if(facts.pcrs.begin(), facts.pcrs.end(), [&rule](const evidence::PcrValue& v) {
        return v.bank == rule.bank && v.index == rule.index;
      });
  const std::string where = fmt::format("{} PCR {}", tcg::BankName(rule.bank), rule.index);
  if (value == facts.pcrs.end()) {
    Finding finding = Found("Q17", Reason::kWrongBank, where + " was not quoted");
    finding.pcr = PcrReference{rule.bank, rule.index};
    findings.push_back(std::move(finding));
    return;
  }
  if (std::find(rule.any_of.begin(), rule.any_of.end(), value->digest) != rule.any_of.end()) {
    return;
  }
  const bool unused = IsAll(value->digest, 0x00) || IsAll(value->digest, 0xFF);
  Finding finding = Found("Q17", Reason::kPcrMismatch, {});
  finding.pcr = PcrReference{rule.bank, rule.index};
  finding.observed = ToHex(value->digest);
  finding.expected = rule.any_of.empty() ? std::string() : ToHex(rule.any_of.front());
  finding.message =
      fmt::format("{} is {}{}, which is none of {} accepted value{}; the first of them is {}",
                  where, finding.observed, unused ? " (never extended)" : "", rule.any_of.size(),
                  rule.any_of.size() == 1 ? "" : "s", finding.expected);
  findings.push_back(std::move(finding));
}

bool HasAdmission(const IdentityFacts& identity, const policy::IdentityRule& rule) {
  return std::any_of(
      identity.admissions.begin(), identity.admissions.end(), [&](const AdmissionRecord& record) {
        switch (record.by) {
          case AdmissionRecord::By::kHuman:
            // Recorded at the approval; withdrawn with the decision, whoever removes the record.
            return identity.decision == Decision::kApproved;
          case AdmissionRecord::By::kEndorsementCertificate:
            return rule.admission == policy::Admission::kEndorsementCertificate &&
                   std::find(rule.authority_refs.begin(), rule.authority_refs.end(), record.ref) !=
                       rule.authority_refs.end();
        }
        return false;
      });
}

}  // namespace

Findings CheckPolicy(const policy::CompiledPolicy& policy, const Facts& facts,
                     const IdentityFacts& identity) {
  Findings findings;
  const policy::TpmRule& tpm = policy.spec().tpm;
  Q10_ClockIsSafe(tpm, facts, findings);
  Q11_FirmwareIsNotBelowTheFloor(tpm, facts, identity, findings);
  Q09_ResetIsExplained(tpm, facts, findings);
  for (const policy::PcrRule& rule : policy.spec().pcrs) {
    Q17_PcrHoldsAnAcceptedValue(rule, facts, findings);
  }
  return findings;
}

std::optional<Finding> CheckAdmission(const policy::IdentityRule& rule,
                                      const IdentityFacts& identity) {
  if (identity.decision == Decision::kDenied || identity.decision == Decision::kRevoked) {
    return Found("M5", Reason::kIdentityDenied, "the node's TPM identity is denied or revoked");
  }
  const auto& profiles = rule.key_profiles;
  if (std::find(profiles.begin(), profiles.end(), identity.key_profile) == profiles.end()) {
    return Found("M5", Reason::kIdentityPending,
                 fmt::format("the attestation key's profile ({}) does not count under this policy",
                             crypto::ToString(identity.key_profile)));
  }
  if (!HasAdmission(identity, rule)) {
    return Found("M5", Reason::kIdentityPending,
                 rule.admission == policy::Admission::kApproved
                     ? "the node's TPM identity waits for a person's approval"
                     : "the node's TPM identity is admitted neither by one of the policy's "
                       "endorsement authorities nor by a person");
  }
  return std::nullopt;
}

}  // namespace plimsoll::appraisal
