#include "crypto/endorsement_bundle.h"

#include <algorithm>

namespace plimsoll::crypto {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kEntryBytes = 16;
constexpr uint32_t kAnchor = 1;

}  // namespace

EndorsementBundle::EndorsementBundle(ByteSpan block) : block_(block) {
  if (block.size() < kHeaderBytes || AsText(block.first(4)) != "PLB1") {
    return;
  }
  const size_t count = Number(4);
  if (count <= (block.size() - kHeaderBytes) / kEntryBytes) {
    count_ = count;
  }
}

uint32_t EndorsementBundle::Number(size_t offset) const {
  uint32_t number = 0;
  for (size_t i = 4; i > 0; --i) {
    number = number << 8U | block_[offset + i - 1];
  }
  return number;
}

EndorsementBundle::Entry EndorsementBundle::At(size_t index) const {
  const size_t at = kHeaderBytes + index * kEntryBytes;
  const size_t offset = Number(at + 4);
  const size_t size = Number(at + 8);
  if (offset > block_.size() || size > block_.size() - offset) {
    return {};
  }
  return {.der = block_.subspan(offset, size), .anchor = (Number(at + 12) & kAnchor) != 0};
}

std::vector<EndorsementBundle::Entry> EndorsementBundle::Find(uint32_t subject_hash) const {
  size_t low = 0;
  for (size_t high = count_; low < high;) {
    const size_t middle = low + (high - low) / 2;
    if (Number(kHeaderBytes + middle * kEntryBytes) < subject_hash) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::vector<Entry> found;
  for (; low < count_ && Number(kHeaderBytes + low * kEntryBytes) == subject_hash; ++low) {
    found.push_back(At(low));
  }
  return found;
}

}  // namespace plimsoll::crypto
