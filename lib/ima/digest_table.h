#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"

// Private to lib/ima: the digests of an allow-list, of one algorithm.

namespace plimsoll::ima {

// Pairs of a digest and the id of a name, sorted; a small index by the digest's first bits says
// where to look. Immutable once built.
class DigestTable {
 public:
  struct Pair {
    ByteSpan digest;
    uint32_t name;
  };

  // Of digests of `size` bytes (at least 4), all views into memory that need not outlive the call.
  DigestTable(size_t size, std::vector<Pair> pairs);

  size_t size() const { return names_.size(); }
  size_t memory_bytes() const;

  // The indices of the pairs with this digest, which must have the table's size; their names
  // ascend.
  std::pair<size_t, size_t> Range(ByteSpan digest) const;

  ByteSpan digest(size_t index) const {
    return ByteSpan(digests_).subspan(index * digest_size_, digest_size_);
  }
  uint32_t name(size_t index) const { return names_[index]; }

 private:
  size_t Bucket(ByteSpan digest) const;

  size_t digest_size_;
  unsigned bits_ = 0;
  Bytes digests_;
  std::vector<uint32_t> names_;
  std::vector<uint32_t> buckets_;  // 2^bits + 1 indices
};

}  // namespace plimsoll::ima
