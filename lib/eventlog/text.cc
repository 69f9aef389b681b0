#include "eventlog/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace plimsoll::eventlog {
namespace {

constexpr std::string_view kCut = "...";

// Appends pieces until one does not fit.
class BoundedText {
 public:
  explicit BoundedText(size_t max) : max_(max) {}

  bool Add(std::string_view piece) {
    if (text_.size() + piece.size() > max_) {
      while (text_.size() + kCut.size() > max_) {
        DropLast();
      }
      text_ += kCut;
      return false;
    }
    text_ += piece;
    return true;
  }

  std::string Take() { return std::move(text_); }

 private:
  // One code point.
  void DropLast() {
    while (!text_.empty() && (static_cast<uint8_t>(text_.back()) & 0xC0U) == 0x80) {
      text_.pop_back();
    }
    if (!text_.empty()) {
      text_.pop_back();
    }
  }

  size_t max_;
  std::string text_;
};

bool IsShown(uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool reorders = code == 0x061C || (code >= 0x200B && code <= 0x200F) ||
                        (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
                        code == 0xFEFF;
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return !control && !reorders && !surrogate && code <= 0x10FFFF && (code & 0xFFFEU) != 0xFFFE;
}

std::string EncodeUtf8(uint32_t code) {
  const auto tail = [](uint32_t bits) { return static_cast<char>(0x80U | (bits & 0x3FU)); };
  std::string bytes;
  if (code < 0x80) {
    bytes = {static_cast<char>(code)};
  } else if (code < 0x800) {
    bytes = {static_cast<char>(0xC0U | code >> 6U), tail(code)};
  } else if (code < 0x10000) {
    bytes = {static_cast<char>(0xE0U | code >> 12U), tail(code >> 6U), tail(code)};
  } else {
    bytes = {static_cast<char>(0xF0U | code >> 18U), tail(code >> 12U), tail(code >> 6U),
             tail(code)};
  }
  return bytes;
}

std::string Shown(uint32_t code) {
  if (IsShown(code)) {
    return EncodeUtf8(code);
  }
  return code < 0x100 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
}

// The code point that begins the bytes and its length; length 0 when they are not UTF-8 (RFC 3629).
struct CodePoint {
  uint32_t code = 0;
  size_t length = 0;
};

CodePoint ReadUtf8(ByteSpan bytes) {
  const uint8_t first = bytes.front();
  if (first < 0x80) {
    return {first, 1};
  }
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < length) {
    return {};
  }
  uint32_t code = first & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((bytes[i] & 0xC0U) != 0x80) {
      return {};
    }
    code = code << 6U | (bytes[i] & 0x3FU);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < kSmallest[length] || surrogate || code > 0x10FFFF ? CodePoint{}
                                                                  : CodePoint{code, length};
}

uint32_t Unit(ByteSpan bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]) | static_cast<uint32_t>(bytes[at + 1]) << 8U;
}

// The code point that begins two or more bytes; a surrogate without its other half is itself.
CodePoint ReadUtf16(ByteSpan bytes) {
  const uint32_t high = Unit(bytes, 0);
  if (high >= 0xD800 && high < 0xDC00 && bytes.size() >= 4) {
    const uint32_t low = Unit(bytes, 2);
    if (low >= 0xDC00 && low < 0xE000) {
      return {0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00), 4};
    }
  }
  return {high, 2};
}

}  // namespace

std::string EscapeText(ByteSpan bytes, size_t max) {
  BoundedText text(max);
  while (!bytes.empty()) {
    const CodePoint point = ReadUtf8(bytes);
    const bool valid = point.length != 0;
    if (!text.Add(valid ? Shown(point.code) : fmt::format("\\x{:02x}", bytes.front()))) {
      break;
    }
    bytes = bytes.subspan(valid ? point.length : 1);
  }
  return text.Take();
}

std::string EscapeUtf16(ByteSpan bytes, size_t max) {
  BoundedText text(max);
  while (bytes.size() >= 2) {
    const CodePoint point = ReadUtf16(bytes);
    if (point.code == 0 || !text.Add(Shown(point.code))) {
      break;
    }
    bytes = bytes.subspan(point.length);
  }
  return text.Take();
}

bool IsPlainText(ByteSpan bytes, size_t max) {
  return !bytes.empty() && bytes.size() <= max &&
         std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte >= 0x20 && byte < 0x7F; });
}

std::string TextOfUtf16(ByteSpan bytes) {
  const size_t nul = bytes.size() % 2 == 0 ? 2 : 1;
  if (bytes.size() <= nul || bytes.back() != 0 || bytes[bytes.size() - nul] != 0) {
    return {};
  }
  bytes = bytes.first(bytes.size() - nul);
  std::string text;
  while (!bytes.empty()) {
    const CodePoint point = ReadUtf16(bytes);
    if (point.code == 0) {
      return {};
    }
    constexpr uint32_t kReplacement = 0xFFFD;
    const bool surrogate = point.code >= 0xD800 && point.code <= 0xDFFF;
    text += EncodeUtf8(surrogate ? kReplacement : point.code);
    bytes = bytes.subspan(point.length);
  }
  return text;
}

}  // namespace plimsoll::eventlog
