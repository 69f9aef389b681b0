#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "eventlog/guid.h"

// Private to lib/eventlog: variables as firmware logs them.
namespace plimsoll::eventlog {

// UEFI_VARIABLE_DATA (PFP 1.06, 10.2.6). Views point into the event's data.
struct EfiVariable {
  Guid guid;
  ByteSpan name;  // UTF-16LE as logged
  ByteSpan contents;
  size_t contents_offset;  // in the event's data

  // Whether the name is that ASCII text, exactly.
  bool IsNamed(std::string_view ascii) const;
};

// None when the sizes do not fit. Bytes behind the contents are tolerated only if `allow_rest`:
// some firmware logs stray bytes there.
std::optional<EfiVariable> ReadEfiVariable(ByteSpan data, bool allow_rest = false);

// EFI_GLOBAL_VARIABLE (SecureBoot, PK, KEK), EFI_IMAGE_SECURITY_DATABASE (db, dbx), and shim's.
extern const Guid kGlobalVariableGuid;
extern const Guid kSecurityDatabaseGuid;
extern const Guid kShimLockGuid;

}  // namespace plimsoll::eventlog
