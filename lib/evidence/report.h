#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace plimsoll::evidence {

// POST /v1/reports: the agent is alive, but its TPM is not.
enum class TpmTrouble : uint8_t { kTpmAbsent, kTpmError };

std::string_view ToString(TpmTrouble trouble);  // "TPMAbsent", "TPMError"

struct ReportRequest {
  TpmTrouble reason = TpmTrouble::kTpmError;
  std::string detail;  // free text
};

Result<ReportRequest> DecodeReportRequest(std::string_view body);
std::string Encode(const ReportRequest& request);

}  // namespace plimsoll::evidence
