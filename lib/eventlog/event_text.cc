#include "eventlog/event_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "eventlog/device_path.h"
#include "eventlog/efi_variable.h"
#include "eventlog/little_endian.h"
#include "eventlog/spec_id.h"
#include "eventlog/text.h"

namespace plimsoll::eventlog {
namespace {

constexpr size_t kMaxHexBytes = 16;
constexpr size_t kMaxNameBytes = 64;

std::string Hex(ByteSpan data) {
  const bool cut = data.size() > kMaxHexBytes;
  return ToHex(data.first(std::min(data.size(), kMaxHexBytes))) + (cut ? "..." : "");
}

// Text if all of it looks like text, hex otherwise. Plain text comes first: two ASCII letters make
// one Chinese character of UTF-16, while UTF-16 of Western text has zeros that plain text has not.
std::string TextOrHex(ByteSpan data) {
  ByteSpan text = data;
  while (!text.empty() && text.back() == 0) {
    text = text.first(text.size() - 1);
  }
  const auto is_text = [](uint8_t byte) { return byte >= 0x20 || byte == '\t' || byte == '\n'; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_text)) {
    return EscapeText(text, kMaxEventTextBytes);
  }
  const std::string utf16 = TextOfUtf16(data);
  return utf16.empty() ? Hex(data) : EscapeText(AsBytes(utf16), kMaxEventTextBytes);
}

std::string VariableText(ByteSpan data) {
  const auto variable = ReadEfiVariable(data, true);
  if (!variable) {
    return Hex(data);
  }
  const std::string name = EscapeUtf16(variable->name, kMaxNameBytes);
  return variable->contents.size() <= kMaxHexBytes
             ? fmt::format("{} = {}", name, ToHex(variable->contents))
             : fmt::format("{}, {} bytes", name, variable->contents.size());
}

std::string NoActionText(const Event& event) {
  if (IsSpecId(event.data)) {
    return std::string(AsText(event.data.first(std::min<size_t>(event.data.size(), 15))));
  }
  constexpr std::string_view kLocality = "StartupLocality";
  if (AsText(event.data).starts_with(kLocality)) {
    return fmt::format("{} {}", kLocality, event.data.back());
  }
  return TextOrHex(event.data);
}

std::string TagText(ByteSpan data) {
  LittleEndianReader reader(data);
  const auto tag = reader.U32();
  const auto size = reader.U32();
  return tag && size ? fmt::format("tag {:#010x}: {}", *tag, TextOrHex(reader.rest())) : Hex(data);
}

std::string Text(const Event& event) {
  switch (event.type) {
    case EventType::kNoAction:
      return NoActionText(event);
    case EventType::kEfiVariableDriverConfig:
    case EventType::kEfiVariableBoot:
    case EventType::kEfiVariableBoot2:
    case EventType::kEfiVariableAuthority:
      return VariableText(event.data);
    case EventType::kEfiBootServicesApplication:
    case EventType::kEfiBootServicesDriver:
    case EventType::kEfiRuntimeServicesDriver: {
      std::string name = ImageName(event.data, kMaxEventTextBytes);
      return name.empty() ? "image" : name;
    }
    case EventType::kEventTag:
      return TagText(event.data);
    case EventType::kEfiGptEvent:
    case EventType::kEfiGptEvent2:
      return fmt::format("partition table, {} bytes", event.data.size());
    case EventType::kSeparator:
      return Hex(event.data);
    default:
      return TextOrHex(event.data);
  }
}

}  // namespace

std::string EventText(const Event& event) {
  return EscapeText(AsBytes(Text(event)), kMaxEventTextBytes);
}

}  // namespace plimsoll::eventlog
