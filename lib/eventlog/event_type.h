#pragma once

#include <cstdint>
#include <string>

namespace plimsoll::eventlog {

// Event types (TCG PC Client Platform Firmware Profile 1.06, 10.4.1). The type of an event is not
// covered by any digest: whoever writes the log chooses it. It therefore says how an event wants to
// be read, and placement.h and coverage.h say whether it may.
enum class EventType : uint32_t {
  kPrebootCert = 0x00000000,
  kPostCode = 0x00000001,
  kUnused = 0x00000002,
  kNoAction = 0x00000003,
  kSeparator = 0x00000004,
  kAction = 0x00000005,
  kEventTag = 0x00000006,
  kSCrtmContents = 0x00000007,
  kSCrtmVersion = 0x00000008,
  kCpuMicrocode = 0x00000009,
  kPlatformConfigFlags = 0x0000000A,
  kTableOfDevices = 0x0000000B,
  kCompactHash = 0x0000000C,
  kIpl = 0x0000000D,
  kIplPartitionData = 0x0000000E,
  kNonhostCode = 0x0000000F,
  kNonhostConfig = 0x00000010,
  kNonhostInfo = 0x00000011,
  kOmitBootDeviceEvents = 0x00000012,
  kPostCode2 = 0x00000013,
  kEfiVariableDriverConfig = 0x80000001,
  kEfiVariableBoot = 0x80000002,
  kEfiBootServicesApplication = 0x80000003,
  kEfiBootServicesDriver = 0x80000004,
  kEfiRuntimeServicesDriver = 0x80000005,
  kEfiGptEvent = 0x80000006,
  kEfiAction = 0x80000007,
  kEfiPlatformFirmwareBlob = 0x80000008,
  kEfiHandoffTables = 0x80000009,
  kEfiPlatformFirmwareBlob2 = 0x8000000A,
  kEfiHandoffTables2 = 0x8000000B,
  kEfiVariableBoot2 = 0x8000000C,
  kEfiGptEvent2 = 0x8000000D,
  kEfiHcrtmEvent = 0x80000010,
  kEfiVariableAuthority = 0x800000E0,
  kEfiSpdmFirmwareBlob = 0x800000E1,
  kEfiSpdmFirmwareConfig = 0x800000E2,
  kEfiSpdmDevicePolicy = 0x800000E3,
  kEfiSpdmDeviceAuthority = 0x800000E4,
};

// "EV_EFI_VARIABLE_DRIVER_CONFIG", as the specification spells it; "0x00008401" for a number that
// it does not know. `type` is what the log holds and need not be one of the above.
std::string EventTypeName(EventType type);

// Whether events of this type belong in this PCR (the same table, and what loaders and operating
// systems do in PCR 8 to 15). EV_NO_ACTION belongs everywhere: it is never extended.
bool BelongsIn(EventType type, uint32_t pcr);

}  // namespace plimsoll::eventlog
