#pragma once

#include <cstdint>
#include <optional>

#include "eventlog/event_log.h"
#include "eventlog/problem.h"

namespace plimsoll::eventlog {

// The first event of this PCR whose type does not belong in it or is unknown (L2). A log that is
// judged by such a PCR is malformed: a digest that nobody wants to explain may be anything.
std::optional<Problem> CheckPlacement(const EventLog& log, uint32_t pcr);

// What is wrong with the fence between firmware and what it starts (L11; PFP 1.06, 10.4.5.7): PCR 0
// to 7 must have exactly one separator, of 00000000, with the digest of just that. FFFFFFFF means a
// firmware error. An event of another type with a separator's digest is a moved fence. Other PCRs
// have no fence; the non-zero separators that Windows writes into PCR 12 to 14 are legal (L12).
std::optional<Problem> CheckSeparator(const EventLog& log, tcg::AlgorithmId bank, uint32_t pcr);

// The digests that separators have in one bank. Not for PCR values: of four zero bytes, and of four
// 0xFF bytes.
struct FenceDigests {
  explicit FenceDigests(tcg::AlgorithmId bank);

  tcg::AlgorithmId bank;
  Bytes fence;
  Bytes error;
};

// The same with the digests at hand.
std::optional<Problem> CheckSeparator(const EventLog& log, const FenceDigests& digests,
                                      uint32_t pcr);

// The index of the event that is the fence of this PCR, found by its digest; none without one.
std::optional<uint32_t> FindSeparator(const EventLog& log, tcg::AlgorithmId bank, uint32_t pcr);

}  // namespace plimsoll::eventlog
