#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "ima/measurement_list.h"
#include "tcg/algorithm.h"

// The replay of a measurement list: PCR' = H(PCR || H(template data)) for each entry, in the bank's
// own hash. Kernels that extended zero-padded SHA-1 into larger banks are not supported: their
// lists do not reach the quoted value (I2).

namespace plimsoll::ima {

// Where a replay stands, for the caller to keep between rounds. It holds for one boot: after a
// reset of the TPM or a new kernel the caller begins anew (I8).
struct Position {
  uint64_t entries = 0;  // of the list, those of other PCRs too: where the next chunk begins
  Bytes digest;          // the PCR after them; empty: never begun, as after a reset

  bool operator==(const Position&) const = default;
};

enum class Reach : uint8_t {
  kReached,         // some entries lead to the quoted value; those behind them are pending (I7)
  kAlreadyReached,  // the quoted value is the one before the first entry: nothing new was measured.
                    // At position 0 it means that IMA has never extended this PCR
  kNotReached,      // all entries were consumed and none led to it: more are to come, or a mismatch
};

struct Advance {
  Reach reach = Reach::kNotReached;
  size_t consumed = 0;  // entries from the start of the list that the position moved over; only
                        // these may be judged, and only once the quoted value is reached
  size_t extended = 0;  // of these, those of the PCR
};

// A PCR as a list builds it, entry by entry.
class RunningDigest {
 public:
  // `bank` must be a hash.
  explicit RunningDigest(tcg::AlgorithmId bank, uint32_t pcr = kDefaultPcr);

  // From a kept position; kMalformed when its digest is not of the bank's length.
  static Result<RunningDigest> Resume(tcg::AlgorithmId bank, const Position& position,
                                      uint32_t pcr = kDefaultPcr);

  // Moves on over `list`, which begins at position().entries, until the PCR has the quoted value
  // (I7). Entries of other PCRs are passed over (I5). An entry whose SHA-1 field is not the hash of
  // its template data is refused (I1), and the position then stays where it was; a violation
  // extends 0xFF bytes (I4).
  tl::expected<Advance, Refusal> AdvanceTo(const List& list, ByteSpan quoted);

  const Position& position() const { return position_; }

 private:
  tcg::AlgorithmId bank_;
  uint32_t pcr_;
  Position position_;
};

// Every PCR that the list extends, from zeros, over all its entries; each kept apart (I5).
tl::expected<std::map<uint32_t, Bytes>, Refusal> ReplayAll(const List& list, tcg::AlgorithmId bank);

// What an entry's template hash is made over: the template data, or, for `ima`, the digest and the
// name padded with zeros to 256 bytes.
Bytes HashedBytes(const Entry& entry);

}  // namespace plimsoll::ima
