#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "crypto/attestation_key.h"
#include "evidence/cluster_info.h"
#include "evidence/evidence.h"
#include "node-agent/attest/controller.h"
#include "node-agent/attest/failure.h"
#include "node-agent/attest/tpm_access.h"
#include "node-agent/collect/host_facts.h"
#include "node-agent/collect/host_logs.h"
#include "telemetry/log.h"

namespace plimsoll::attest {

struct RoundOptions {
  // What this agent may use, in order of preference. One that was asked for by name stands alone.
  std::vector<crypto::KeyProfile> profiles;
  std::vector<std::string> addresses;  // of the controller; at least one
  collect::HostFiles files;
  collect::LogFiles logs;
};

// Rounds of attestation, one after another:
//
//   facts of the host -> the TPM and its attestation key -> challenge -> (enrolment, when the
//   controller does not know the key, and the challenge again) -> quote -> evidence -> verdict
//
// Remembers the cluster's UID and which address answered; everything else is made anew, so that a
// round that failed anywhere leaves nothing to be put right. `tpm`, `connector` and `log` must
// outlive it. For one thread at a time.
class Rounds {
 public:
  Rounds(RoundOptions options, Connector connector, TpmAccess& tpm, telemetry::Logger& log)
      : options_(std::move(options)), connector_(std::move(connector)), tpm_(tpm), log_(log) {}

  // One round. A TPM that lost its objects or its connection on the way is opened anew and the
  // round done again, once, before that is a Failure: a reset is no reason for an alarm.
  Outcome<evidence::EvidenceResponse> Run(std::stop_token stop);

  // Tells the controller that the TPM is absent (there is no device) or failed: POST /v1/reports.
  Outcome<void> Report(const Error& tpm_error, std::stop_token stop);

 private:
  Outcome<evidence::EvidenceResponse> Attest(Conversation& controller,
                                             const collect::HostFacts& facts);
  Outcome<tcg::PublicArea> PrepareKey(Conversation& controller);
  Outcome<void> Enroll(Conversation& controller, const tcg::PublicArea& ak,
                       const tpm::Properties& properties);

  const RoundOptions options_;
  const Connector connector_;
  TpmAccess& tpm_;
  telemetry::Logger& log_;
  std::optional<evidence::ClusterInfo> cluster_;
  size_t address_ = 0;
};

}  // namespace plimsoll::attest
