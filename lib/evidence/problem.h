#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace plimsoll::evidence {

// An error answer, application/problem+json (RFC 9457). Holds nothing secret and no expected value.
struct Problem {
  int status = 500;    // the HTTP status
  std::string title;   // a short sentence that is the same for every such problem
  std::string detail;  // what was wrong this time
  std::string reason;  // a stable CamelCase word, see appraisal/reason.h
};

inline constexpr std::string_view kProblemContentType = "application/problem+json";

Result<Problem> DecodeProblem(std::string_view body);
std::string Encode(const Problem& problem);

}  // namespace plimsoll::evidence
