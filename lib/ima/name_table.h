#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

// Private to lib/ima: the names of an allow-list in little memory.

namespace plimsoll::ima {

// A sorted set of texts, front-coded: in blocks of 16 each text stands as the length that it shares
// with the one before and the rest. Immutable once filled.
class NameTable {
 public:
  // Texts come in ascending order, none twice; the first has id 0. The table holds less than 4 GiB,
  // which the limits of an allow-list ensure.
  void Append(std::string_view text);
  void Finish();  // gives back what growing reserved

  size_t size() const { return size_; }
  size_t memory_bytes() const;

  std::string Get(uint32_t id) const;
  std::optional<uint32_t> Find(std::string_view text) const;

 private:
  static constexpr size_t kBlock = 16;

  // Reads the text at `offset`, given the one before it, and moves `offset` behind it.
  void Read(size_t& offset, std::string& text) const;
  size_t ReadNumber(size_t& offset) const;
  void WriteNumber(size_t number);

  Bytes coded_;
  std::vector<uint32_t> blocks_;
  std::string last_;
  size_t size_ = 0;
};

}  // namespace plimsoll::ima
