#include "eventlog/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "crypto/digest.h"

namespace plimsoll::eventlog {
namespace {

constexpr uint32_t kFencedPcrs = 8;
constexpr std::array<uint8_t, 4> kFence = {0, 0, 0, 0};
constexpr std::array<uint8_t, 4> kErrorFence = {0xFF, 0xFF, 0xFF, 0xFF};

bool SameBytes(ByteSpan a, ByteSpan b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

Problem Malformed(uint32_t pcr, std::optional<uint32_t> event, std::string message) {
  return Problem{.check = "L11",
                 .severity = Severity::kMalformed,
                 .pcr = pcr,
                 .event = event,
                 .message = std::move(message)};
}

}  // namespace

std::optional<Problem> CheckPlacement(const EventLog& log, uint32_t pcr) {
  for (const Event& event : log.events()) {
    if (event.pcr == pcr && !BelongsIn(event.type, pcr)) {
      return Problem{.check = "L2",
                     .severity = Severity::kMalformed,
                     .pcr = pcr,
                     .event = event.index,
                     .message = fmt::format("event {} of type {} does not belong in PCR {}",
                                            event.index, EventTypeName(event.type), pcr)};
    }
  }
  return std::nullopt;
}

FenceDigests::FenceDigests(tcg::AlgorithmId of)
    : bank(of), fence(crypto::Digest(of, {kFence})), error(crypto::Digest(of, {kErrorFence})) {}

std::optional<uint32_t> FindSeparator(const EventLog& log, tcg::AlgorithmId bank, uint32_t pcr) {
  const Bytes fence = crypto::Digest(bank, {kFence});
  for (const Event& event : log.events()) {
    if (event.pcr == pcr && event.type != EventType::kNoAction &&
        SameBytes(log.DigestOf(event, bank), fence)) {
      return event.index;
    }
  }
  return std::nullopt;
}

std::optional<Problem> CheckSeparator(const EventLog& log, tcg::AlgorithmId bank, uint32_t pcr) {
  return CheckSeparator(log, FenceDigests(bank), pcr);
}

std::optional<Problem> CheckSeparator(const EventLog& log, const FenceDigests& digests,
                                      uint32_t pcr) {
  if (pcr >= kFencedPcrs) {
    return std::nullopt;
  }
  std::optional<uint32_t> found;
  for (const Event& event : log.events()) {
    if (event.pcr != pcr || event.type == EventType::kNoAction) {
      continue;
    }
    const ByteSpan digest = log.DigestOf(event, digests.bank);
    const bool is_fence = SameBytes(digest, digests.fence);
    const bool is_separator = event.type == EventType::kSeparator;
    if (SameBytes(digest, digests.error) || (is_separator && SameBytes(event.data, kErrorFence))) {
      return Malformed(pcr, event.index,
                       fmt::format("the separator of PCR {} (event {}) says that firmware met an "
                                   "error",
                                   pcr, event.index));
    }
    if (is_fence && !is_separator) {
      return Malformed(pcr, event.index,
                       fmt::format("event {} of PCR {} has the digest of a separator and the type "
                                   "{}",
                                   event.index, pcr, EventTypeName(event.type)));
    }
    if (is_separator && (!is_fence || !SameBytes(event.data, kFence))) {
      return Malformed(pcr, event.index,
                       fmt::format("the separator of PCR {} (event {}) is not the four zero bytes "
                                   "that firmware measures",
                                   pcr, event.index));
    }
    if (is_fence && found) {
      return Malformed(pcr, event.index,
                       fmt::format("PCR {} has a second separator (event {}, the first is event "
                                   "{})",
                                   pcr, event.index, *found));
    }
    if (is_fence) {
      found = event.index;
    }
  }
  if (!found) {
    return Malformed(pcr, std::nullopt, fmt::format("PCR {} has no separator", pcr));
  }
  return std::nullopt;
}

}  // namespace plimsoll::eventlog
