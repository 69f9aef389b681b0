#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/algorithm.h"

// POST /v1/evidence.
namespace plimsoll::evidence {

struct PcrValue {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  uint32_t index = 0;  // at most kMaxPcrIndex
  Bytes digest;        // of the bank's size

  friend bool operator==(const PcrValue&, const PcrValue&) = default;
};

// What one appraisal is about, as the agent sent it: bytes are not yet TPM structures, and nothing
// is verified.
struct Evidence {
  Bytes attest;     // TPMS_ATTEST, what the TPM signed
  Bytes signature;  // TPMT_SIGNATURE
  std::vector<PcrValue> pcrs;
  std::optional<Bytes> statement;  // required on the wire; evidence recorded elsewhere has none
  std::optional<Bytes> boot_event_log;
  std::optional<Bytes> ima;
};

// A body of POST /v1/evidence, decoded in two stages: a body without a readable challenge id
// answers no challenge and gives no verdict; what is wrong in the rest is wrong evidence of the
// challenged node. Move-only; not thread-safe.
class EvidenceDocument {
 public:
  // Stage one. Fails when the body is not a JSON object, is nested too deeply, is over 16 MiB
  // (kTooLarge), or has no challenge id, two of them, or one that cannot be an id: 400
  // RequestMalformed.
  static Result<EvidenceDocument> Parse(std::string_view body);

  EvidenceDocument(EvidenceDocument&&) noexcept;
  EvidenceDocument& operator=(EvidenceDocument&&) noexcept;
  ~EvidenceDocument();

  const std::string& challenge() const;

  // Stage two: everything else, strictly; the statement must be there, but is not looked into. What
  // fails here is the verdict Untrusted/EvidenceMalformed.
  Result<Evidence> Decode() const;

 private:
  struct State;
  explicit EvidenceDocument(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// The body for `challenge`.
std::string EncodeEvidence(std::string_view challenge, const Evidence& evidence);

struct EvidenceResponse {
  std::string verdict;  // words of appraisal/reason.h
  std::string reason;
  std::string message;
  std::chrono::seconds next_attestation_in{0};
};

Result<EvidenceResponse> DecodeEvidenceResponse(std::string_view body);
std::string Encode(const EvidenceResponse& response);

}  // namespace plimsoll::evidence
