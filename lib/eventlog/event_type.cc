#include "eventlog/event_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace plimsoll::eventlog {
namespace {

constexpr uint32_t Pcrs(std::initializer_list<uint32_t> pcrs) {
  uint32_t mask = 0;
  for (const uint32_t pcr : pcrs) {
    mask |= 1U << pcr;
  }
  return mask;
}

constexpr uint32_t kFirmwarePcrs = Pcrs({0, 1, 2, 3, 4, 5, 6, 7});
// PCR 8 to 15 without 10, which belongs to IMA. Loaders and operating systems describe what they
// measure there as EV_IPL, EV_EVENT_TAG or EV_COMPACT_HASH.
constexpr uint32_t kSystemPcrs = Pcrs({8, 9, 11, 12, 13, 14, 15});

struct TypeRow {
  EventType type;
  std::string_view name;
  uint32_t pcrs;
};

// TCG PC Client Platform Firmware Profile 1.06, Table 27, widened where real firmware is wider:
// configuration in PCR 5 (older firmware), microcode and blobs beside PCR 0, actions in every PCR.
constexpr std::array kTypes = {
    TypeRow{EventType::kPrebootCert, "EV_PREBOOT_CERT", 0},
    TypeRow{EventType::kPostCode, "EV_POST_CODE", Pcrs({0, 1, 2})},
    TypeRow{EventType::kUnused, "EV_UNUSED", 0},
    TypeRow{EventType::kNoAction, "EV_NO_ACTION", 0xFFFFFFFF},
    TypeRow{EventType::kSeparator, "EV_SEPARATOR", kFirmwarePcrs | kSystemPcrs},
    TypeRow{EventType::kAction, "EV_ACTION", Pcrs({0, 1, 2, 3, 4, 5, 6})},
    TypeRow{EventType::kEventTag, "EV_EVENT_TAG", Pcrs({0, 1, 2, 3, 4, 5, 6}) | kSystemPcrs},
    TypeRow{EventType::kSCrtmContents, "EV_S_CRTM_CONTENTS", Pcrs({0})},
    TypeRow{EventType::kSCrtmVersion, "EV_S_CRTM_VERSION", Pcrs({0})},
    TypeRow{EventType::kCpuMicrocode, "EV_CPU_MICROCODE", Pcrs({0, 1})},
    TypeRow{EventType::kPlatformConfigFlags, "EV_PLATFORM_CONFIG_FLAGS", Pcrs({0, 1, 3, 5, 6})},
    TypeRow{EventType::kTableOfDevices, "EV_TABLE_OF_DEVICES", Pcrs({0, 1})},
    TypeRow{EventType::kCompactHash, "EV_COMPACT_HASH", Pcrs({0, 1, 4, 5, 6}) | kSystemPcrs},
    TypeRow{EventType::kIpl, "EV_IPL", Pcrs({4, 5}) | kSystemPcrs},
    TypeRow{EventType::kIplPartitionData, "EV_IPL_PARTITION_DATA", Pcrs({5})},
    TypeRow{EventType::kNonhostCode, "EV_NONHOST_CODE", Pcrs({0, 2})},
    TypeRow{EventType::kNonhostConfig, "EV_NONHOST_CONFIG", Pcrs({1, 3})},
    TypeRow{EventType::kNonhostInfo, "EV_NONHOST_INFO", Pcrs({0})},
    TypeRow{EventType::kOmitBootDeviceEvents, "EV_OMIT_BOOT_DEVICE_EVENTS", Pcrs({4})},
    TypeRow{EventType::kPostCode2, "EV_POST_CODE2", Pcrs({0})},
    TypeRow{EventType::kEfiVariableDriverConfig, "EV_EFI_VARIABLE_DRIVER_CONFIG",
            Pcrs({1, 3, 5, 7})},
    TypeRow{EventType::kEfiVariableBoot, "EV_EFI_VARIABLE_BOOT", Pcrs({1, 5})},
    TypeRow{EventType::kEfiBootServicesApplication, "EV_EFI_BOOT_SERVICES_APPLICATION",
            Pcrs({2, 4})},
    TypeRow{EventType::kEfiBootServicesDriver, "EV_EFI_BOOT_SERVICES_DRIVER", Pcrs({0, 2, 4})},
    TypeRow{EventType::kEfiRuntimeServicesDriver, "EV_EFI_RUNTIME_SERVICES_DRIVER",
            Pcrs({0, 2, 4})},
    TypeRow{EventType::kEfiGptEvent, "EV_EFI_GPT_EVENT", Pcrs({5})},
    TypeRow{EventType::kEfiAction, "EV_EFI_ACTION", kFirmwarePcrs},
    TypeRow{EventType::kEfiPlatformFirmwareBlob, "EV_EFI_PLATFORM_FIRMWARE_BLOB", Pcrs({0, 2, 4})},
    TypeRow{EventType::kEfiHandoffTables, "EV_EFI_HANDOFF_TABLES", Pcrs({0, 1})},
    TypeRow{EventType::kEfiPlatformFirmwareBlob2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
            Pcrs({0, 2, 4})},
    TypeRow{EventType::kEfiHandoffTables2, "EV_EFI_HANDOFF_TABLES2", Pcrs({0, 1})},
    TypeRow{EventType::kEfiVariableBoot2, "EV_EFI_VARIABLE_BOOT2", Pcrs({1, 5})},
    TypeRow{EventType::kEfiGptEvent2, "EV_EFI_GPT_EVENT2", Pcrs({5})},
    TypeRow{EventType::kEfiHcrtmEvent, "EV_EFI_HCRTM_EVENT", Pcrs({0})},
    TypeRow{EventType::kEfiVariableAuthority, "EV_EFI_VARIABLE_AUTHORITY", Pcrs({7})},
    TypeRow{EventType::kEfiSpdmFirmwareBlob, "EV_EFI_SPDM_FIRMWARE_BLOB", Pcrs({0, 2})},
    TypeRow{EventType::kEfiSpdmFirmwareConfig, "EV_EFI_SPDM_FIRMWARE_CONFIG", Pcrs({1, 3})},
    TypeRow{EventType::kEfiSpdmDevicePolicy, "EV_EFI_SPDM_DEVICE_POLICY", Pcrs({7})},
    TypeRow{EventType::kEfiSpdmDeviceAuthority, "EV_EFI_SPDM_DEVICE_AUTHORITY", Pcrs({7})},
};

const TypeRow* Find(EventType type) {
  const auto row = std::find_if(kTypes.begin(), kTypes.end(),
                                [type](const TypeRow& each) { return each.type == type; });
  return row == kTypes.end() ? nullptr : row;
}

}  // namespace

std::string EventTypeName(EventType type) {
  const TypeRow* row = Find(type);
  return row != nullptr ? std::string(row->name)
                        : fmt::format("{:#010x}", static_cast<uint32_t>(type));
}

bool BelongsIn(EventType type, uint32_t pcr) {
  if (type == EventType::kNoAction) {
    return true;
  }
  const TypeRow* row = Find(type);
  return row != nullptr && pcr < 32 && (row->pcrs >> pcr & 1U) != 0;
}

}  // namespace plimsoll::eventlog
