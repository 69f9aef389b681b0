#include <fmt/format.h>

#include <algorithm>

#include "appraisal/policy_checks.h"
#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

constexpr uint32_t kFirstPcrAfterFirmware = 8;

const Bytes* Recorded(const IdentityFacts& identity, const std::string& policy_uid,
                      const policy::PcrRule& rule) {
  for (const BaselineRecord& record : identity.baselines) {
    if (record.policy_uid != policy_uid) {
      continue;
    }
    for (const evidence::PcrValue& pcr : record.pcrs) {
      if (pcr.bank == rule.bank && pcr.index == rule.index) {
        return &pcr.digest;
      }
    }
  }
  return nullptr;
}

// Whether a person has said since when the value may count.
bool WasApproved(const IdentityFacts& identity) {
  return identity.decision == Decision::kApproved &&
         std::any_of(identity.admissions.begin(), identity.admissions.end(),
                     [](const AdmissionRecord& a) { return a.by == AdmissionRecord::By::kHuman; });
}

void FindMismatch(const policy::PcrRule& rule, const std::string& where, const Bytes& value,
                  const Bytes& recorded, BootReader& reader) {
  Finding& finding = reader.Add("P1", Reason::kPcrMismatch, {});
  finding.pcr = PcrReference{rule.bank, rule.index};
  finding.observed = ToHex(value);
  finding.expected = ToHex(recorded);
  finding.message =
      fmt::format("{} is {}, but was {} at the {}", where, finding.observed,
                  finding.expected.empty() ? "a value that cannot be read" : finding.expected,
                  rule.match == policy::PcrMatch::kUnchanged ? "approval" : "first use");
}

}  // namespace

// Unchanged and FirstUse compare with what was recorded of the node.
void P01_PcrHoldsItsBaseline(const policy::CompiledPolicy& policy, const policy::PcrRule& rule,
                             const IdentityFacts& identity, BootReader& reader,
                             PolicyResult& result) {
  const PcrReference reference{rule.bank, rule.index};
  const std::string where = fmt::format("{} PCR {}", tcg::BankName(rule.bank), rule.index);
  const bool unchanged = rule.match == policy::PcrMatch::kUnchanged;
  if (identity.source != IdentityFacts::Source::kCluster) {
    reader
        .Add("P1", std::nullopt,
             fmt::format("{} is not judged: nothing is known of the value that it had {}", where,
                         unchanged ? "at the approval" : "at the first use"))
        .pcr = reference;
    return;
  }
  const Bytes* value = reader.Quoted(rule.bank, rule.index);
  if (value == nullptr) {
    reader.Add("P1", Reason::kWrongBank, where + " was not quoted").pcr = reference;
    return;
  }
  if (rule.index < kFirstPcrAfterFirmware && WasNeverExtended(*value)) {
    Finding& finding = reader.Add("P1", Reason::kPcrMismatch, where + " was never extended");
    finding.pcr = reference;
    finding.observed = ToHex(*value);
    return;
  }
  if (const Bytes* recorded = Recorded(identity, policy.meta().uid, rule)) {
    if (*recorded != *value) {
      FindMismatch(rule, where, *value, *recorded, reader);
    }
    return;
  }
  if (unchanged && !WasApproved(identity)) {
    reader
        .Add("P1", Reason::kIdentityPending,
             where +
                 " has no value to be compared with: that of the time at which a person "
                 "approves the node's TPM")
        .pcr = reference;
    return;
  }
  reader
      .Add("P1", Reason::kEvidenceExpired,
           where +
               " has no value to be compared with yet: it is recorded with the next evidence "
               "that passes all else")
      .pcr = reference;
  result.outstanding.baseline.push_back({rule.bank, rule.index, *value});
}

}  // namespace plimsoll::appraisal
