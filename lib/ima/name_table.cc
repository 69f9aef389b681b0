#include "ima/name_table.h"

#include <algorithm>

namespace plimsoll::ima {

void NameTable::WriteNumber(size_t number) {
  for (; number >= 0x80; number >>= 7) {
    coded_.push_back(static_cast<uint8_t>(number | 0x80));
  }
  coded_.push_back(static_cast<uint8_t>(number));
}

size_t NameTable::ReadNumber(size_t& offset) const {
  size_t number = 0;
  unsigned shift = 0;
  while (coded_[offset] >= 0x80) {
    number |= static_cast<size_t>(coded_[offset++] & 0x7f) << shift;
    shift += 7;
  }
  return number | static_cast<size_t>(coded_[offset++]) << shift;
}

void NameTable::Append(std::string_view text) {
  size_t shared = 0;
  if (size_ % kBlock == 0) {
    blocks_.push_back(static_cast<uint32_t>(coded_.size()));
  } else {
    const size_t most = std::min(last_.size(), text.size());
    shared = static_cast<size_t>(
        std::mismatch(text.begin(), text.begin() + static_cast<ptrdiff_t>(most), last_.begin())
            .first -
        text.begin());
  }
  WriteNumber(shared);
  WriteNumber(text.size() - shared);
  plimsoll::Append(coded_, AsBytes(text.substr(shared)));
  last_ = text;
  ++size_;
}

void NameTable::Finish() {
  last_ = std::string();
  coded_.shrink_to_fit();
  blocks_.shrink_to_fit();
}

size_t NameTable::memory_bytes() const {
  return coded_.capacity() + blocks_.capacity() * sizeof(uint32_t);
}

void NameTable::Read(size_t& offset, std::string& text) const {
  const size_t shared = ReadNumber(offset);
  const size_t rest = ReadNumber(offset);
  text.resize(shared);
  text.append(AsText(ByteSpan(coded_).subspan(offset, rest)));
  offset += rest;
}

std::string NameTable::Get(uint32_t id) const {
  std::string text;
  size_t offset = blocks_[id / kBlock];
  for (size_t i = 0; i <= id % kBlock; ++i) {
    Read(offset, text);
  }
  return text;
}

std::optional<uint32_t> NameTable::Find(std::string_view text) const {
  // The last block whose first text is not behind `text`.
  const auto behind = std::upper_bound(blocks_.begin(), blocks_.end(), text,
                                       [this](std::string_view wanted, uint32_t block) {
                                         std::string first;
                                         size_t offset = block;
                                         Read(offset, first);
                                         return wanted < first;
                                       });
  if (behind == blocks_.begin()) {
    return std::nullopt;
  }
  const size_t block = static_cast<size_t>(behind - blocks_.begin()) - 1;
  size_t offset = blocks_[block];
  std::string candidate;
  for (size_t id = block * kBlock; id < std::min(size_, (block + 1) * kBlock); ++id) {
    Read(offset, candidate);
    if (candidate == text) {
      return static_cast<uint32_t>(id);
    }
  }
  return std::nullopt;
}

}  // namespace plimsoll::ima
