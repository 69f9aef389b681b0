#include "policy/firmware_version.h"

#include <fmt/format.h>

#include <charconv>

namespace plimsoll::policy {

Result<FirmwareVersion> FirmwareVersion::Parse(std::string_view text) {
  FirmwareVersion version;
  for (int field = 0; field < 4; ++field) {
    const std::string_view digits = text.substr(0, text.find('.'));
    uint16_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool leading_zero = digits.size() > 1 && digits.front() == '0';
    if (error != std::errc() || end != digits.data() + digits.size() || leading_zero) {
      return Fail(ErrorCode::kMalformed, "firmware version is not four numbers up to 65535");
    }
    version.value = version.value << 16U | number;
    text.remove_prefix(digits.size());
    if (field < 3) {
      if (text.empty()) {
        return Fail(ErrorCode::kMalformed, "firmware version has fewer than four numbers");
      }
      text.remove_prefix(1);
    }
  }
  if (!text.empty()) {
    return Fail(ErrorCode::kMalformed, "firmware version has more than four numbers");
  }
  return version;
}

std::string FirmwareVersion::ToText() const {
  return fmt::format("{}.{}.{}.{}", value >> 48U, (value >> 32U) & 0xFFFFU,
                     (value >> 16U) & 0xFFFFU, value & 0xFFFFU);
}

}  // namespace plimsoll::policy
