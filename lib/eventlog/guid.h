#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace plimsoll::eventlog {

// EFI_GUID (UEFI 2.10, 2.3.1 and appendix A): 16 bytes, the first three fields little endian.
struct Guid {
  std::array<uint8_t, 16> bytes{};

  friend bool operator==(const Guid&, const Guid&) = default;
  friend auto operator<=>(const Guid&, const Guid&) = default;
};

// The first 16 bytes; `bytes` must have as many.
Guid ReadGuid(ByteSpan bytes);

// "8be4df61-93ca-11d2-aa0d-00e098032b8c".
std::string ToString(const Guid& guid);

// The inverse, for lower-case text of exactly that form; a GUID of zeros for anything else.
Guid GuidFromText(std::string_view text);

}  // namespace plimsoll::eventlog
