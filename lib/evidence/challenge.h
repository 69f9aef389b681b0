#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "evidence/limits.h"
#include "tcg/name.h"
#include "tcg/pcr_selection.h"

// POST /v1/challenges. Decoders as in evidence/enrollment.h.
namespace plimsoll::evidence {

using Nonce = std::array<uint8_t, kNonceBytes>;

// A file that the agent holds, named by digest.
struct LogName {
  Bytes sha256;
  uint64_t size = 0;  // bytes
};

struct ChallengeRequest {
  tcg::Name attestation_key_name;
  std::string boot_id;
  // What the TPM can quote. Banks of other hashes than tcg::AlgorithmId knows are left out when
  // decoding; a request in which no bank is left is malformed.
  tcg::PcrSelection banks;
  std::optional<LogName> boot_event_log;
  std::optional<uint64_t> ima_entries;
};

// A node as the controller knows it, whatever the agent believes.
struct NodeIdentity {
  std::string name;
  std::string uid;
};

struct ChallengeResponse {
  std::string challenge;  // id
  NodeIdentity node;
  Nonce nonce{};
  tcg::PcrSelection selection;
  bool want_boot_event_log = false;
  std::optional<uint64_t> want_ima_from;  // absent: no list is wanted
  std::chrono::seconds expires_in{0};
};

Result<ChallengeRequest> DecodeChallengeRequest(std::string_view body);
Result<ChallengeResponse> DecodeChallengeResponse(std::string_view body);

std::string Encode(const ChallengeRequest& request);
std::string Encode(const ChallengeResponse& response);

}  // namespace plimsoll::evidence
