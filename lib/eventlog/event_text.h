#pragma once

#include <string>

#include "eventlog/event_log.h"

namespace plimsoll::eventlog {

inline constexpr size_t kMaxEventTextBytes = 160;

// One line about an event for a table: "SecureBoot = 01", "grub_cmd: set timeout=5",
// "\EFI\debian\grubx64.efi". Escaped, at most kMaxEventTextBytes. It says what the data says, true
// or not: CoverageOf tells whether that counts.
std::string EventText(const Event& event);

}  // namespace plimsoll::eventlog
