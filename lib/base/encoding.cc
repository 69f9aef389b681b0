#include "base/encoding.h"

#include <array>

namespace plimsoll {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kForeign = 0xff;

constexpr std::array<uint8_t, 256> Inverse(std::string_view alphabet) {
  std::array<uint8_t, 256> table{};
  table.fill(kForeign);
  for (size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<uint8_t>(i);
  }
  return table;
}

constexpr auto kHexValues = Inverse(kHexDigits);
constexpr auto kStandardValues = Inverse(kStandard);
constexpr auto kUrlSafeValues = Inverse(kUrlSafe);

// `text` without padding; its length modulo 4 says how many bytes the last group has.
Result<Bytes> Decode64(std::string_view text, const std::array<uint8_t, 256>& values,
                       size_t max_bytes) {
  const size_t tail = text.size() % 4;
  if (tail == 1) {
    return Fail(ErrorCode::kMalformed, "base64 text of impossible length");
  }
  const size_t size = text.size() / 4 * 3 + (tail == 0 ? 0 : tail - 1);
  if (size > max_bytes) {
    return Fail(ErrorCode::kTooLarge, "base64 text decodes to more than the limit");
  }
  Bytes bytes(size);
  uint32_t bits = 0;
  int held = 0;
  size_t at = 0;
  for (const char c : text) {
    const uint8_t value = values[static_cast<uint8_t>(c)];
    if (value == kForeign) {
      return Fail(ErrorCode::kMalformed, "character that does not belong in base64");
    }
    bits = (bits << 6U) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = static_cast<uint8_t>(bits >> held);
      bits &= (1U << held) - 1U;
    }
  }
  if (bits != 0) {
    return Fail(ErrorCode::kMalformed, "base64 text is not canonical");
  }
  return bytes;
}

}  // namespace

std::string ToHex(ByteSpan bytes) {
  std::string text(bytes.size() * 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = kHexDigits[bytes[i] >> 4U];
    text[2 * i + 1] = kHexDigits[bytes[i] & 15U];
  }
  return text;
}

Result<Bytes> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return Fail(ErrorCode::kMalformed, "hex text of odd length");
  }
  Bytes bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint8_t high = kHexValues[static_cast<uint8_t>(text[2 * i])];
    const uint8_t low = kHexValues[static_cast<uint8_t>(text[2 * i + 1])];
    if (high == kForeign || low == kForeign) {
      return Fail(ErrorCode::kMalformed, "character that does not belong in lower-case hex");
    }
    bytes[i] = static_cast<uint8_t>(high << 4U | low);
  }
  return bytes;
}

std::string ToBase64(ByteSpan bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t group = static_cast<uint32_t>(bytes[i]) << 16U |
                           static_cast<uint32_t>(bytes[i + 1]) << 8U | bytes[i + 2];
    for (const unsigned shift : {18U, 12U, 6U, 0U}) {
      text.push_back(kStandard[group >> shift & 63U]);
    }
  }
  if (const size_t rest = bytes.size() - i; rest != 0) {
    const uint32_t group = static_cast<uint32_t>(bytes[i]) << 16U |
                           (rest == 2 ? static_cast<uint32_t>(bytes[i + 1]) << 8U : 0U);
    text.push_back(kStandard[group >> 18U & 63U]);
    text.push_back(kStandard[group >> 12U & 63U]);
    text.push_back(rest == 2 ? kStandard[group >> 6U & 63U] : '=');
    text.push_back('=');
  }
  return text;
}

Result<Bytes> FromBase64(std::string_view text, size_t max_bytes) {
  if (text.size() % 4 != 0) {
    return Fail(ErrorCode::kMalformed, "base64 text without its padding");
  }
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
    ++padding;
  }
  return Decode64(text.substr(0, text.size() - padding), kStandardValues, max_bytes);
}

Result<Bytes> FromBase64Url(std::string_view text, size_t max_bytes) {
  return Decode64(text, kUrlSafeValues, max_bytes);
}

}  // namespace plimsoll
