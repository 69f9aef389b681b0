#include "eventlog/guid.h"

#include <algorithm>

#include "base/encoding.h"

namespace plimsoll::eventlog {
namespace {

// Where each byte of the text form stands in memory.
constexpr std::array<size_t, 16> kTextOrder = {3, 2, 1,  0,  5,  4,  7,  6,
                                               8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

Guid ReadGuid(ByteSpan bytes) {
  Guid guid;
  std::copy_n(bytes.begin(), guid.bytes.size(), guid.bytes.begin());
  return guid;
}

std::string ToString(const Guid& guid) {
  Bytes ordered;
  for (const size_t at : kTextOrder) {
    ordered.push_back(guid.bytes[at]);
  }
  std::string text = ToHex(ordered);
  for (const size_t at : {20U, 16U, 12U, 8U}) {
    text.insert(at, 1, '-');
  }
  return text;
}

Guid GuidFromText(std::string_view text) {
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) {
      return {};
    }
    if (!dash) {
      hex.push_back(text[i]);
    }
  }
  const auto bytes = FromHex(hex);
  Guid guid;
  if (!bytes || bytes->size() != guid.bytes.size()) {
    return {};
  }
  for (size_t i = 0; i < kTextOrder.size(); ++i) {
    guid.bytes[kTextOrder[i]] = (*bytes)[i];
  }
  return guid;
}

}  // namespace plimsoll::eventlog
