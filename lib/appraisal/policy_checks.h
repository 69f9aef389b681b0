#pragma once

#include "appraisal/judgement.h"

// The rules of one policy (step 8's policy part and the PCR part of step 10) and the admission of
// the identity. Internal to lib/appraisal: one rule, one function, one id.
namespace plimsoll::appraisal {

// Adds to `result` what the rules of a ready policy found on these facts, remarks included, and
// which reference sets matched; those of the IMA list aside.
void CheckPolicy(const policy::CompiledPolicy& policy, const Facts& facts,
                 const IdentityFacts& identity, PolicyResult& result);

// Why the identity does not count under this policy; nullopt when it does.
std::optional<Finding> CheckAdmission(const policy::IdentityRule& rule,
                                      const IdentityFacts& identity);

}  // namespace plimsoll::appraisal
