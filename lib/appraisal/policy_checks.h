#pragma once

#include "appraisal/boot_checks.h"
#include "appraisal/judgement.h"

// The rules of one policy (step 8's policy part and the PCR part of step 10) and the admission of
// the identity. Internal to lib/appraisal: one rule, one function, one id.
namespace plimsoll::appraisal {

// Adds to `result` what the rules of a ready policy found on these facts, remarks included, and
// which reference sets matched; those of the IMA list aside.
void CheckPolicy(const policy::CompiledPolicy& policy, const Facts& facts,
                 const IdentityFacts& identity, PolicyResult& result);

// Why the identity does not count under this policy; nullopt when it does.
std::optional<Finding> CheckAdmission(const policy::CompiledPolicy& policy,
                                      const IdentityFacts& identity);

// Fills result.outstanding.nothing_else and what it says of a first use, from the findings so far:
// those of everything but the admission.
void FindOutstanding(const policy::CompiledPolicy& policy, const Facts& facts,
                     const IdentityFacts& identity, PolicyResult& result);

// Parts of CheckPolicy: PCRs with `match: Reference`, and those with `Unchanged` and `FirstUse`.
void Q17_PcrHoldsAnAcceptedValue(const policy::CompiledPcrRule& rule, BootReader& reader);
void P01_PcrHoldsItsBaseline(const policy::CompiledPolicy& policy, const policy::PcrRule& rule,
                             const IdentityFacts& identity, BootReader& reader,
                             PolicyResult& result);

}  // namespace plimsoll::appraisal
