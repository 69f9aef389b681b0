#include "evidence/identifiers.h"

#include <algorithm>

#include "evidence/limits.h"

namespace plimsoll::evidence {
namespace {

constexpr size_t kMaxNodeNameBytes = 253;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }

// One step through UTF-8. `size` is 0 at an ill-formed sequence (Unicode 15, table 3-7).
struct CodePoint {
  uint32_t value;
  size_t size;
};

CodePoint Next(std::string_view text) {
  const auto at = [text](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = at(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const size_t size = lead >= 0xC2 && lead <= 0xDF   ? 2
                      : lead >= 0xE0 && lead <= 0xEF ? 3
                      : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                     : 0;
  if (size == 0 || text.size() < size) {
    return {0, 0};
  }
  uint32_t value = lead & (0xFFU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0U) != 0x80) {
      return {0, 0};
    }
    value = value << 6U | (at(i) & 0x3FU);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) {
    return {0, 0};
  }
  return {value, size};
}

// Controls, line and paragraph separators, and what changes the direction of text around it.
bool IsUnsafe(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

bool IsLabel(std::string_view label) {
  const auto alphanumeric = [](char c) { return IsLower(c) || IsDigit(c); };
  return !label.empty() && alphanumeric(label.front()) && alphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(),
                     [&](char c) { return alphanumeric(c) || c == '-'; });
}

}  // namespace

bool IsNodeName(std::string_view text) {
  if (text.size() > kMaxNodeNameBytes) {
    return false;
  }
  for (;;) {
    const size_t dot = text.find('.');
    if (!IsLabel(text.substr(0, dot))) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : !IsLowerHex(text[i])) {
      return false;
    }
  }
  return true;
}

bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '-' || c == '_';
         });
}

bool IsReasonWord(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes && IsUpper(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c); });
}

bool IsFreeText(std::string_view text) {
  if (text.size() > kMaxFreeTextBytes) {
    return false;
  }
  while (!text.empty()) {
    const CodePoint next = Next(text);
    if (next.size == 0 || IsUnsafe(next.value)) {
      return false;
    }
    text.remove_prefix(next.size);
  }
  return true;
}

std::string ToFreeText(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const CodePoint next = Next(text);
    const size_t size = next.size == 0 ? 1 : next.size;
    const bool keep = next.size != 0 && !IsUnsafe(next.value);
    const std::string_view piece = keep ? text.substr(0, size) : std::string_view("?");
    if (clean.size() + piece.size() > kMaxFreeTextBytes) {
      break;
    }
    clean += piece;
    text.remove_prefix(size);
  }
  return clean;
}

}  // namespace plimsoll::evidence
