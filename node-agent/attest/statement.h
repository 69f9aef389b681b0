#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "evidence/evidence.h"
#include "evidence/statement.h"
#include "node-agent/collect/host_facts.h"
#include "node-agent/collect/host_logs.h"
#include "node-agent/tpm/attestation.h"

namespace plimsoll::attest {

// The logs that go with one quote.
struct AttachedLogs {
  std::optional<evidence::LogName> boot_event_log;  // named whether or not it is sent
  std::optional<Bytes> boot_event_log_bytes;
  std::optional<collect::ImaChunk> ima;
  uint64_t ima_total = 0;
};

// What the quote signs about the host and the logs that are attached.
std::string EncodeStatement(const collect::HostFacts& facts, const AttachedLogs& logs);

evidence::Evidence ToEvidence(tpm::QuoteWithValues quote, const std::string& statement,
                              AttachedLogs logs);

evidence::LogName NameOf(ByteSpan log);

}  // namespace plimsoll::attest
