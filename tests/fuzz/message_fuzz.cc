// The small bodies of the evidence protocol, in both directions: whatever decodes, encodes to what
// decodes to the same.

#include <cstdint>

#include "evidence/challenge.h"
#include "evidence/cluster_info.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/limits.h"
#include "evidence/problem.h"
#include "evidence/report.h"
#include "fuzz/expect.h"

using plimsoll::fuzz::Expect;
namespace evidence = plimsoll::evidence;

namespace {

template <class Decode>
void RoundTrip(Decode decode, std::string_view text) {
  const auto message = decode(text);
  if (!message) {
    return;
  }
  Expect(text.size() <= evidence::kMaxSmallBodyBytes, "small bodies are small");
  const std::string encoded = evidence::Encode(*message);
  if (encoded.size() > evidence::kMaxSmallBodyBytes) {
    return;  // escapes may take more room than what was read
  }
  const auto again = decode(encoded);
  Expect(again.has_value(), "what was written again can be read");
  Expect(evidence::Encode(*again) == encoded, "what was written again is read as the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = plimsoll::AsText({data, size});
  RoundTrip(evidence::DecodeEnrollmentRequest, text);
  RoundTrip(evidence::DecodeEnrollmentResponse, text);
  RoundTrip(evidence::DecodeActivationRequest, text);
  RoundTrip(evidence::DecodeActivationResponse, text);
  RoundTrip(evidence::DecodeChallengeRequest, text);
  RoundTrip(evidence::DecodeChallengeResponse, text);
  RoundTrip(evidence::DecodeEvidenceResponse, text);
  RoundTrip(evidence::DecodeReportRequest, text);
  RoundTrip(evidence::DecodeClusterInfo, text);
  RoundTrip(evidence::DecodeProblem, text);
  return 0;
}
