#pragma once

#include <optional>

#include "appraisal/appraisal.h"
#include "base/result.h"
#include "tcg/attest.h"
#include "tcg/signature.h"

// Steps 2 to 7 of the appraisal, internal to lib/appraisal: one check, one function, one id.
namespace plimsoll::appraisal {

// What the checks look at. Holds references; lives for one appraisal.
struct QuoteContext {
  const evidence::Evidence& evidence;
  const Expectation& expectation;
  const tcg::Attest& attest;
  const tcg::Signature& signature;
};

// The first check that fails, in the order of the design's table; nullopt when all pass. An Error
// when a check could not be made.
Result<std::optional<Finding>> CheckQuote(const QuoteContext& context);

}  // namespace plimsoll::appraisal
