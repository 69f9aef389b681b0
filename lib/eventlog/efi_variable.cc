#include "eventlog/efi_variable.h"

#include "eventlog/little_endian.h"

namespace plimsoll::eventlog {

const Guid kGlobalVariableGuid = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                  0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
const Guid kSecurityDatabaseGuid = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                    0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
const Guid kShimLockGuid = {0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43,
                            0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23};

bool EfiVariable::IsNamed(std::string_view ascii) const {
  if (name.size() != ascii.size() * 2) {
    return false;
  }
  for (size_t i = 0; i < ascii.size(); ++i) {
    if (name[2 * i] != static_cast<uint8_t>(ascii[i]) || name[2 * i + 1] != 0) {
      return false;
    }
  }
  return true;
}

std::optional<EfiVariable> ReadEfiVariable(ByteSpan data, bool allow_rest) {
  LittleEndianReader reader(data);
  const auto guid = reader.Take(16);
  const auto name_length = reader.U64();
  const auto contents_length = reader.U64();
  if (!guid || !contents_length || *name_length > data.size()) {
    return std::nullopt;
  }
  const auto name = reader.Take(*name_length * 2);
  if (!name) {
    return std::nullopt;
  }
  const size_t contents_offset = reader.offset();
  const auto contents = reader.Take(*contents_length);
  if (!contents || (reader.remaining() != 0 && !allow_rest)) {
    return std::nullopt;
  }
  return EfiVariable{.guid = ReadGuid(*guid),
                     .name = *name,
                     .contents = *contents,
                     .contents_offset = contents_offset};
}

}  // namespace plimsoll::eventlog
