#include "ima/digest_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace plimsoll::ima {
namespace {

constexpr unsigned kMaxBits = 20;

int Compare(ByteSpan a, ByteSpan b) { return std::memcmp(a.data(), b.data(), a.size()); }

}  // namespace

DigestTable::DigestTable(size_t size, std::vector<Pair> pairs) : digest_size_(size) {
  const auto less = [](const Pair& a, const Pair& b) {
    const int order = Compare(a.digest, b.digest);
    return order < 0 || (order == 0 && a.name < b.name);
  };
  std::sort(pairs.begin(), pairs.end(), less);
  const auto same = [](const Pair& a, const Pair& b) {
    return a.name == b.name && Compare(a.digest, b.digest) == 0;
  };
  pairs.erase(std::unique(pairs.begin(), pairs.end(), same), pairs.end());

  // About two digests a bucket.
  bits_ = std::min(kMaxBits, static_cast<unsigned>(std::bit_width(pairs.size() / 2)));
  digests_.reserve(pairs.size() * size);
  names_.reserve(pairs.size());
  buckets_.resize((size_t{1} << bits_) + 1);
  for (const Pair& pair : pairs) {
    Append(digests_, pair.digest);
    names_.push_back(pair.name);
    ++buckets_[Bucket(pair.digest) + 1];
  }
  for (size_t i = 1; i < buckets_.size(); ++i) {
    buckets_[i] += buckets_[i - 1];
  }
}

size_t DigestTable::Bucket(ByteSpan digest) const {
  const uint32_t head = static_cast<uint32_t>(digest[0]) << 24 |
                        static_cast<uint32_t>(digest[1]) << 16 |
                        static_cast<uint32_t>(digest[2]) << 8 | static_cast<uint32_t>(digest[3]);
  return bits_ == 0 ? 0 : head >> (32 - bits_);
}

size_t DigestTable::memory_bytes() const {
  return digests_.capacity() + (names_.capacity() + buckets_.capacity()) * sizeof(uint32_t);
}

std::pair<size_t, size_t> DigestTable::Range(ByteSpan wanted) const {
  // Binary search, since many names may share a digest, and a list's author chooses digests.
  size_t low = buckets_[Bucket(wanted)];
  size_t high = buckets_[Bucket(wanted) + 1];
  const auto first_where = [this](size_t from, size_t to, const auto& behind) {
    while (from < to) {
      const size_t middle = from + (to - from) / 2;
      if (behind(digest(middle))) {
        to = middle;
      } else {
        from = middle + 1;
      }
    }
    return from;
  };
  low = first_where(low, high, [wanted](ByteSpan d) { return Compare(d, wanted) >= 0; });
  high = first_where(low, high, [wanted](ByteSpan d) { return Compare(d, wanted) > 0; });
  return {low, high};
}

}  // namespace plimsoll::ima
