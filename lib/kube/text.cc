#include "kube/text.h"

#include <algorithm>

namespace plimsoll::kube {

std::string CutText(std::string_view text, size_t max_bytes) {
  size_t size = std::min(text.size(), max_bytes);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
      --size;
    }
  }
  std::string cut(text.substr(0, size));
  std::replace_if(
      cut.begin(), cut.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, ' ');
  return cut;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~') {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

}  // namespace plimsoll::kube
