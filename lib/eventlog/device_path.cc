#include "eventlog/device_path.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "eventlog/guid.h"
#include "eventlog/little_endian.h"
#include "eventlog/text.h"

namespace plimsoll::eventlog {
namespace {

// Type and subtype of a node (UEFI 2.10, 10.3.2 to 10.3.6).
constexpr uint16_t Kind(uint8_t type, uint8_t subtype) {
  return static_cast<uint16_t>(type << 8U | subtype);
}
constexpr uint16_t kPci = Kind(0x01, 0x01);
constexpr uint16_t kMac = Kind(0x03, 0x0B);
constexpr uint16_t kUri = Kind(0x03, 0x18);
constexpr uint16_t kFile = Kind(0x04, 0x04);
constexpr uint16_t kFirmwareFile = Kind(0x04, 0x06);
constexpr uint16_t kFirmwareVolume = Kind(0x04, 0x07);
constexpr uint16_t kRelativeOffset = Kind(0x04, 0x08);
constexpr uint8_t kEndType = 0x7F;
constexpr size_t kNodeHeaderBytes = 4;
constexpr size_t kMacBytes = 6;

std::string NodeText(uint16_t kind, ByteSpan body, size_t max) {
  switch (kind) {
    case kPci:
      return body.size() == 2 ? fmt::format("Pci({:x},{:x})", body[1], body[0]) : "";
    case kMac:
      return body.size() >= kMacBytes ? fmt::format("MAC({})", ToHex(body.first(kMacBytes))) : "";
    case kUri:
      return body.empty() ? "" : fmt::format("Uri({})", EscapeText(body, max - 5));
    case kFirmwareFile:
      return body.size() == 16 ? fmt::format("FvFile({})", ToString(ReadGuid(body))) : "";
    case kFirmwareVolume:
      return body.size() == 16 ? fmt::format("Fv({})", ToString(ReadGuid(body))) : "";
    case kRelativeOffset:
      return "Offset()";
    default:
      return "";
  }
}

}  // namespace

std::string DevicePathText(ByteSpan path, size_t max) {
  Bytes file;  // UTF-16: the file name may be spread over several nodes
  std::string last;
  LittleEndianReader reader(path);
  while (reader.remaining() >= kNodeHeaderBytes) {
    const uint8_t type = *reader.U8();
    const uint8_t subtype = *reader.U8();
    const uint16_t length = *reader.U16();
    if (type == kEndType || length < kNodeHeaderBytes) {
      break;
    }
    const auto body = reader.Take(length - kNodeHeaderBytes);
    if (!body) {
      break;
    }
    const uint16_t kind = Kind(type, subtype);
    if (kind == kFile) {
      // Without the NUL that ends each node.
      ByteSpan name = *body;
      while (name.size() >= 2 && name[name.size() - 1] == 0 && name[name.size() - 2] == 0) {
        name = name.first(name.size() - 2);
      }
      Append(file, name);
    } else if (std::string text = NodeText(kind, *body, max); !text.empty()) {
      last = std::move(text);
    }
  }
  return file.empty() ? last : EscapeUtf16(file, max);
}

std::string ImageName(ByteSpan image_load_event, size_t max) {
  LittleEndianReader reader(image_load_event);
  reader.U64();  // address
  reader.U64();  // length
  reader.U64();  // link-time address
  const auto length = reader.U64();
  const auto path = length ? reader.Take(*length) : std::nullopt;
  return path ? DevicePathText(*path, max) : "";
}

}  // namespace plimsoll::eventlog
