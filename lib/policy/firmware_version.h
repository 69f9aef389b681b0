#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plimsoll::policy {

// A TPM's firmware version as TPMS_ATTEST carries it, read as A.B.C.D: its four 16-bit fields, high
// first.
struct FirmwareVersion {
  uint64_t value = 0;

  // "15.23.0.0": four decimal numbers of at most 65535 without leading zeros.
  static Result<FirmwareVersion> Parse(std::string_view text);
  std::string ToText() const;

  auto operator<=>(const FirmwareVersion&) const = default;
};

}  // namespace plimsoll::policy
