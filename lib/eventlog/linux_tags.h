#pragma once

#include <cstdint>

#include "eventlog/event_log.h"
#include "eventlog/little_endian.h"

// Private to lib/eventlog: EV_EVENT_TAG events (PFP 1.06, 10.2.7: a tag, a size, a payload) that
// the EFI stub of Linux logs in PCR 9. Their digest is of what was loaded, not of the payload.
namespace plimsoll::eventlog {

inline constexpr uint32_t kInitrdTag = 0x8F3B22EC;
inline constexpr uint32_t kLoadOptionsTag = 0x8F3B22ED;
inline constexpr uint32_t kLinuxStubPcr = 9;

inline bool IsLinuxTag(const Event& event, uint32_t tag) {
  return event.pcr == kLinuxStubPcr && event.type == EventType::kEventTag &&
         LittleEndianReader(event.data).U32() == tag;
}

}  // namespace plimsoll::eventlog
