#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace plimsoll::crypto {

// Certificates in one read-only block with an index of their subjects, so that none has to be read
// before a chain needs it: what lib/crypto/vendors/pack.cc makes of PEM files when Plimsoll is
// built. Copies are views of the same block, which must outlive them (it is part of the program).
// Thread-safe.
//
//   "PLB1", u32 number of certificates
//   each, sorted: u32 hash of the subject (X509_NAME_hash_ex), u32 offset of the DER in the block,
//   u32 its size, u32 flags: 1 = a trust anchor
//   the DER of all certificates; all numbers little-endian
class EndorsementBundle {
 public:
  struct Entry {
    ByteSpan der;
    bool anchor = false;
  };

  // A block that is not of this form is an empty bundle.
  explicit EndorsementBundle(ByteSpan block);

  size_t size() const { return count_; }
  Entry At(size_t index) const;

  // Those whose subject has this hash, and may have the name that is looked for.
  std::vector<Entry> Find(uint32_t subject_hash) const;

 private:
  uint32_t Number(size_t offset) const;

  ByteSpan block_;
  size_t count_ = 0;
};

}  // namespace plimsoll::crypto
