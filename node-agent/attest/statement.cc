#include "node-agent/attest/statement.h"

#include <utility>

#include "crypto/digest.h"

namespace plimsoll::attest {
namespace {

Bytes Sha256(ByteSpan bytes) { return crypto::Digest(tcg::AlgorithmId::kSha256, {bytes}); }

}  // namespace

evidence::LogName NameOf(ByteSpan log) { return {Sha256(log), log.size()}; }

std::string EncodeStatement(const collect::HostFacts& facts, const AttachedLogs& logs) {
  evidence::Statement statement;
  statement.boot_id = facts.boot_id;
  statement.kernel = facts.kernel;
  statement.os_image = facts.os_image;
  statement.agent_version = facts.agent_version;
  statement.boot_event_log = logs.boot_event_log;
  if (logs.ima) {
    statement.ima = evidence::ImaRange{.from = logs.ima->from,
                                       .entries = logs.ima->entries,
                                       .total = logs.ima_total,
                                       .sha256 = Sha256(logs.ima->bytes)};
  }
  return evidence::Encode(statement);
}

evidence::Evidence ToEvidence(tpm::QuoteWithValues quote, const std::string& statement,
                              AttachedLogs logs) {
  evidence::Evidence evidence;
  evidence.attest = std::move(quote.quote.attest);
  evidence.signature = std::move(quote.quote.signature);
  for (tpm::PcrValue& value : quote.pcrs) {
    evidence.pcrs.push_back({value.bank, value.index, std::move(value.digest)});
  }
  evidence.statement = ToBytes(AsBytes(statement));
  evidence.boot_event_log = std::move(logs.boot_event_log_bytes);
  if (logs.ima) {
    evidence.ima = std::move(logs.ima->bytes);
  }
  return evidence;
}

}  // namespace plimsoll::attest
