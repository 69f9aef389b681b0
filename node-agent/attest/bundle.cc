#include "node-agent/attest/bundle.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/encoding.h"
#include "crypto/names.h"
#include "evidence/bundle.h"
#include "evidence/qualifying_data.h"
#include "node-agent/attest/statement.h"

namespace plimsoll::attest {
namespace {

constexpr int kTries = 5;
constexpr uint32_t kPcrs = 0x0080FFFF;  // 0 to 15 and 23
// In place of a cluster's UID, so that the key belongs to none.
constexpr std::string_view kNoCluster = "plimsoll.dev/bundle";

Result<tcg::PcrSelection> SelectionFrom(const tcg::PcrSelection& banks) {
  std::vector<tcg::PcrBank> wanted;
  for (const tcg::PcrBank& bank : banks.banks()) {
    if (bank.hash != tcg::AlgorithmId::kSha1 && (bank.mask & kPcrs) != 0) {
      wanted.push_back({bank.hash, bank.mask & kPcrs});
    }
  }
  if (wanted.empty()) {
    for (const tcg::PcrBank& bank : banks.banks()) {
      wanted.push_back({bank.hash, bank.mask & kPcrs});
    }
  }
  return tcg::PcrSelection::Create(std::move(wanted));
}

// The UID of a node that no cluster knows: random, in the form of an object's UID.
std::string RandomUid(Random& random) {
  std::array<uint8_t, 16> bytes{};
  random.Fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0FU) | 0x40U);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3FU) | 0x80U);
  const std::string hex = ToHex(bytes);
  const std::string_view text = hex;
  return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4),
                     text.substr(16, 4), text.substr(20));
}

Result<AttachedLogs> CollectLogs(const collect::LogFiles& files) {
  AttachedLogs logs;
  PLIMSOLL_ASSIGN_OR_RETURN(logs.boot_event_log_bytes, collect::CollectBootEventLog(files));
  if (logs.boot_event_log_bytes) {
    logs.boot_event_log = NameOf(*logs.boot_event_log_bytes);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const auto ima, collect::ImaList::Collect(files));
  if (ima) {
    logs.ima = ima->ChunkFrom(0);
    logs.ima_total = ima->entries();
    if (logs.ima->entries != logs.ima_total) {
      return Fail(ErrorCode::kTooLarge, "the IMA list is too long for one bundle");
    }
  }
  return logs;
}

// Whether no entry came while the quote was made.
Result<bool> IsStill(const collect::LogFiles& files, uint64_t total) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto ima, collect::ImaList::Collect(files));
  return !ima || ima->entries() == total;
}

}  // namespace

Result<std::string> MakeBundle(const BundleOptions& options, TpmAccess& tpm, Random& random) {
  PLIMSOLL_ASSIGN_OR_RETURN(const collect::HostFacts facts,
                            collect::CollectHostFacts(options.host_files));
  PLIMSOLL_ASSIGN_OR_RETURN(const tpm::Properties properties, tpm.Describe());
  PLIMSOLL_ASSIGN_OR_RETURN(const tcg::PublicArea ak,
                            tpm.AttestationKey(options.profiles, kNoCluster));
  PLIMSOLL_ASSIGN_OR_RETURN(EndorsementMaterial endorsement, tpm.EndorsementKey());

  evidence::BundleFrame frame;
  frame.node_name = options.node_name;
  frame.node_uid = RandomUid(random);
  frame.attestation_key = ToBytes(ak.bytes());
  frame.endorsement = evidence::BundleEndorsement{.public_area = std::move(endorsement.public_area),
                                                  .certificate = std::move(endorsement.certificate),
                                                  .chain = std::move(endorsement.chain)};
  PLIMSOLL_ASSIGN_OR_RETURN(frame.selection, SelectionFrom(properties.banks));
  for (int attempt = 0; attempt < kTries; ++attempt) {
    PLIMSOLL_ASSIGN_OR_RETURN(AttachedLogs logs, CollectLogs(options.log_files));
    const uint64_t total = logs.ima_total;
    evidence::Nonce nonce{};
    random.Fill(nonce);
    frame.expected = nonce;
    const std::string statement = EncodeStatement(facts, logs);
    const Bytes qualifying_data = evidence::QualifyingData(
        ak.scheme().hash, nonce, frame.node_uid, crypto::ComputeName(ak), AsBytes(statement));
    PLIMSOLL_ASSIGN_OR_RETURN(tpm::QuoteWithValues quote,
                              tpm.Quote(frame.selection, qualifying_data));
    PLIMSOLL_ASSIGN_OR_RETURN(const bool still, IsStill(options.log_files, total));
    if (still) {
      return evidence::EncodeBundle(frame,
                                    ToEvidence(std::move(quote), statement, std::move(logs)));
    }
  }
  return Fail(ErrorCode::kUnavailable, "the IMA list grew under every quote; try again",
              Retry::kNow);
}

}  // namespace plimsoll::attest
