#include "appraisal/policy_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "appraisal/boot_checks.h"
#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

Finding Found(std::string_view check, std::optional<Reason> reason, std::string message) {
  return {.check = check, .reason = reason, .message = std::move(message)};
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

enum class Held : uint8_t { kYes, kNo, kNotQuoted };

// Whether every PCR of the set holds one of the set's values (consistency: Tuple).
Held HoldsAsTuple(const policy::ReferenceValues& set, const BootReader& reader) {
  Held held = Held::kYes;
  for (const policy::ReferencePcr& pcr : set.pcrs) {
    const Bytes* value = reader.Quoted(pcr.bank, pcr.index);
    if (value == nullptr) {
      held = Held::kNotQuoted;
    } else if (std::find(pcr.digests.begin(), pcr.digests.end(), *value) == pcr.digests.end()) {
      return Held::kNo;
    }
  }
  return held;
}

std::string NameOf(const policy::ListedValue& listed) {
  return listed.set ? listed.set->meta.name : std::string();
}

// `why`: why no value counts although it is listed: "(it is one of X, which is outside of its
// time)".
void P04_FindMismatch(const policy::CompiledPcrRule& rule, const Bytes& value,
                      const std::string& why, BootReader& reader) {
  const std::string where =
      fmt::format("{} PCR {}", tcg::BankName(rule.rule.bank), rule.rule.index);
  const bool unused = WasNeverExtended(value);
  const policy::ListedValue* first = nullptr;
  size_t accepted = 0;
  for (const policy::ListedValue& listed : rule.values) {
    if (!listed.set || reader.policy().Accepts(*listed.set)) {
      first = first == nullptr ? &listed : first;
      ++accepted;
    }
  }
  Finding& finding = reader.Add("Q17", Reason::kPcrMismatch, {});
  finding.pcr = PcrReference{rule.rule.bank, rule.rule.index};
  finding.observed = ToHex(value);
  finding.message =
      fmt::format("{} is {}{}", where, finding.observed, unused ? " (never extended)" : "");
  if (first == nullptr) {
    finding.message += ", and no value is accepted" + why;
    return;
  }
  finding.expected = ToHex(first->digest);
  finding.closest = NameOf(*first);
  const std::string wanted =
      finding.expected + (finding.closest.empty() ? "" : " of " + finding.closest);
  finding.message +=
      accepted == 1
          ? fmt::format(", which is not the accepted value {}{}", wanted, why)
          : fmt::format(", which is none of {} accepted values{}; the first of them is {}",
                        accepted, why, wanted);
}

void CheckPcrRule(const policy::CompiledPolicy& policy, const policy::CompiledPcrRule& rule,
                  const IdentityFacts& identity, BootReader& reader, PolicyResult& result) {
  switch (rule.rule.match) {
    case policy::PcrMatch::kReference:
      Q17_PcrHoldsAnAcceptedValue(rule, reader);
      break;
    case policy::PcrMatch::kEventLogOnly:
      CheckEventLogOnly(rule.rule, reader);
      break;
    case policy::PcrMatch::kUnchanged:
    case policy::PcrMatch::kFirstUse:
      P01_PcrHoldsItsBaseline(policy, rule.rule, identity, reader, result);
      break;
  }
}

// A policy none of whose rules can be judged without a cluster must not pass offline.
void P01_SomethingIsJudged(const policy::CompiledPolicy& policy, Findings& findings) {
  const bool only_baselines =
      !policy.spec().boot && policy.spec().runtime.mode != policy::RuntimeMode::kRequired &&
      std::all_of(policy.pcr_rules().begin(), policy.pcr_rules().end(),
                  [](const policy::CompiledPcrRule& rule) {
                    return rule.rule.match == policy::PcrMatch::kUnchanged ||
                           rule.rule.match == policy::PcrMatch::kFirstUse;
                  });
  if (only_baselines) {
    findings.push_back(Found("P1", Reason::kPolicyNotReady,
                             "no rule of the policy can be judged without what a cluster has "
                             "recorded of the node"));
  }
}

bool HasAdmission(const IdentityFacts& identity, const policy::CompiledPolicy& policy) {
  const policy::IdentityRule& rule = policy.spec().identity;
  const std::string& uid = policy.meta().uid;
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
          case AdmissionRecord::By::kFirstUse:
            return rule.admission == policy::Admission::kFirstUse && !uid.empty() &&
                   record.ref == uid;
        }
        return false;
      });
}

bool Counts(crypto::KeyProfile profile, const policy::IdentityRule& rule) {
  const auto& profiles = rule.key_profiles;
  return std::find(profiles.begin(), profiles.end(), profile) != profiles.end();
}

std::string_view WhatItWaitsFor(policy::Admission admission) {
  switch (admission) {
    case policy::Admission::kApproved:
      return "the node's TPM identity waits for a person's approval";
    case policy::Admission::kEndorsementCertificate:
      return "the node's TPM identity is admitted neither by one of the policy's endorsement "
             "authorities nor by a person";
    case policy::Admission::kFirstUse:
      return "the node's TPM identity is admitted neither by the policy's first use nor by a "
             "person";
  }
  return "the node's TPM identity is not admitted";
}

// From a bundle: only certificates can be judged (detail 10).
std::optional<Finding> OfflineAdmission(const policy::CompiledPolicy& policy,
                                        const IdentityFacts& identity) {
  const policy::IdentityRule& rule = policy.spec().identity;
  if (rule.admission != policy::Admission::kEndorsementCertificate) {
    return Found("M5", std::nullopt,
                 fmt::format("admission {} was not judged: it needs a cluster",
                             policy::ToString(rule.admission)));
  }
  if (identity.source == IdentityFacts::Source::kBundle) {
    return Found("M5", std::nullopt, "the identity was not judged: the bundle has no endorsement");
  }
  if (HasAdmission(identity, policy)) {
    return std::nullopt;
  }
  return Found("M5", Reason::kIdentityDenied,
               identity.denial.empty()
                   ? "the EK certificate is one of none of the policy's endorsement authorities"
                   : identity.denial);
}

}  // namespace

// A PCR of zeros or ones was never fed by firmware; such a value counts only where it is listed,
// which needs no rule of its own as long as a PCR must hold one of the listed values.
void Q17_PcrHoldsAnAcceptedValue(const policy::CompiledPcrRule& rule, BootReader& reader) {
  const PcrReference reference{rule.rule.bank, rule.rule.index};
  const std::string where =
      fmt::format("{} PCR {}", tcg::BankName(reference.bank), reference.index);
  const Bytes* value = reader.Quoted(reference.bank, reference.index);
  if (value == nullptr) {
    reader.Add("Q17", Reason::kWrongBank, where + " was not quoted").pcr = reference;
    return;
  }
  bool accepted = false;
  std::string why;
  const policy::ReferenceValues* deprecated = nullptr;
  const policy::ReferenceValues* not_quoted = nullptr;
  for (const policy::ListedValue& listed : rule.values) {
    if (listed.digest != *value) {
      continue;
    }
    if (!listed.set) {
      accepted = true;
      continue;
    }
    const Held held = listed.set->tuple ? HoldsAsTuple(*listed.set, reader) : Held::kYes;
    if (held == Held::kNo) {
      why = fmt::format(" (it is one of {}, but not all PCRs of that set match)",
                        listed.set->meta.name);
      continue;
    }
    if (held == Held::kNotQuoted) {
      not_quoted = listed.set.get();
      continue;
    }
    if (listed.set->state == policy::ReferenceState::kRevoked) {
      Finding& finding = reader.Add(
          "Q17", Reason::kReferenceRevoked,
          fmt::format("{} holds a value of {}, which is revoked", where, listed.set->meta.name));
      finding.pcr = reference;
      finding.observed = ToHex(*value);
      finding.closest = listed.set->meta.name;
      return;
    }
    if (!reader.policy().Accepts(*listed.set)) {
      why = fmt::format(" (it is one of {}, which is outside of its time)", listed.set->meta.name);
      continue;
    }
    accepted = true;
    reader.Match(*listed.set);
    deprecated =
        listed.set->state == policy::ReferenceState::kDeprecated ? listed.set.get() : deprecated;
  }
  if (not_quoted != nullptr &&
      (!accepted || not_quoted->state == policy::ReferenceState::kRevoked)) {
    reader
        .Add("Q17", Reason::kWrongBank,
             fmt::format("{} holds a value of {}, of which not all PCRs were quoted", where,
                         not_quoted->meta.name))
        .pcr = reference;
  } else if (!accepted) {
    P04_FindMismatch(rule, *value, why, reader);
  } else if (deprecated != nullptr) {
    Finding& finding = reader.Add(
        "Q17", std::nullopt,
        fmt::format("{} holds a value of {}, which is deprecated", where, deprecated->meta.name));
    finding.pcr = reference;
    finding.closest = deprecated->meta.name;
  }
}

void CheckPolicy(const policy::CompiledPolicy& policy, const Facts& facts,
                 const IdentityFacts& identity, PolicyResult& result) {
  Findings& findings = result.findings;
  const policy::TpmRule& tpm = policy.spec().tpm;
  Q10_ClockIsSafe(tpm, facts, findings);
  Q11_FirmwareIsNotBelowTheFloor(tpm, facts, identity, findings);
  Q09_ResetIsExplained(tpm, facts, findings);
  BootReader reader(policy, facts, result);
  for (const policy::CompiledPcrRule& rule : policy.pcr_rules()) {
    CheckPcrRule(policy, rule, identity, reader, result);
  }
  CheckBoot(reader);
  if (identity.source != IdentityFacts::Source::kCluster) {
    P01_SomethingIsJudged(policy, findings);
  }
}

std::optional<Finding> CheckAdmission(const policy::CompiledPolicy& policy,
                                      const IdentityFacts& identity) {
  const policy::IdentityRule& rule = policy.spec().identity;
  if (identity.decision == Decision::kDenied || identity.decision == Decision::kRevoked) {
    return Found("M5", Reason::kIdentityDenied, "the node's TPM identity is denied or revoked");
  }
  if (!Counts(identity.key_profile, rule)) {
    return Found("M5", Reason::kIdentityPending,
                 fmt::format("the attestation key's profile ({}) does not count under this policy",
                             crypto::ToString(identity.key_profile)));
  }
  if (identity.source != IdentityFacts::Source::kCluster) {
    return OfflineAdmission(policy, identity);
  }
  if (!HasAdmission(identity, policy)) {
    return Found("M5", Reason::kIdentityPending, std::string(WhatItWaitsFor(rule.admission)));
  }
  return std::nullopt;
}

void FindOutstanding(const policy::CompiledPolicy& policy, const Facts& facts,
                     const IdentityFacts& identity, PolicyResult& result) {
  Outstanding& outstanding = result.outstanding;
  const auto failing = std::count_if(result.findings.begin(), result.findings.end(),
                                     [](const Finding& f) { return f.reason.has_value(); });
  outstanding.nothing_else = static_cast<size_t>(failing) == outstanding.baseline.size();
  const policy::IdentityRule& rule = policy.spec().identity;
  outstanding.first_use = rule.admission == policy::Admission::kFirstUse &&
                          identity.source == IdentityFacts::Source::kCluster &&
                          identity.decision == Decision::kPending &&
                          Counts(identity.key_profile, rule) && !HasAdmission(identity, policy);
  if (!outstanding.first_use) {
    return;
  }
  PolicyResult floor;
  BootReader reader(policy, facts, floor);
  for (const policy::CompiledPcrRule& pcr : policy.first_use_rules()) {
    Q17_PcrHoldsAnAcceptedValue(pcr, reader);
  }
  const auto broken = std::find_if(floor.findings.begin(), floor.findings.end(),
                                   [](const Finding& f) { return f.reason.has_value(); });
  if (broken != floor.findings.end()) {
    outstanding.floor_problem = broken->message;
  }
}

}  // namespace plimsoll::appraisal
