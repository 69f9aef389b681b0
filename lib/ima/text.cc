#include "ima/text.h"

#include <fmt/format.h>

namespace plimsoll::ima {
namespace {

struct CodePoint {
  char32_t value = 0;
  size_t bytes = 0;  // 0: not UTF-8 (RFC 3629)
};

CodePoint Decode(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) {
    return {};
  }
  char32_t value = lead & (0xffU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return {};
    }
    value = (value << 6) | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return {};
  }
  return {value, size};
}

// What would change how the text around it looks, or what cannot be seen.
bool IsDeceptive(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0xfeff ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || (c >= 0xe0000 && c <= 0xe0fff);
}

}  // namespace

std::string Escape(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = Decode(text);
    const size_t size = point.bytes == 0 ? 1 : point.bytes;
    std::string next;
    if (point.value == '\\' && point.bytes == 1) {
      next = "\\\\";
    } else if (point.value == '\n') {
      next = "\\n";
    } else if (point.bytes == 0 || IsDeceptive(point.value)) {
      for (size_t i = 0; i < size; ++i) {
        next += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
      }
    } else {
      next = text.substr(0, size);
    }
    if (out.size() + next.size() > max_bytes) {
      return out + "...";
    }
    out += next;
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace plimsoll::ima
