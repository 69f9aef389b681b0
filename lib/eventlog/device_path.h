#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

// Private to lib/eventlog: where images say that they come from. No digest ever covers it.
namespace plimsoll::eventlog {

// UEFI_IMAGE_LOAD_EVENT (PFP 1.06, 10.2.3) to text: the file of the device path
// ("\EFI\debian\grubx64.efi"), else its most telling node ("FvFile(...)", "MAC(...)", "Pci(2,0)"),
// else "". Escaped, at most `max` bytes.
std::string ImageName(ByteSpan image_load_event, size_t max);

// The same for an EFI_DEVICE_PATH (UEFI 2.10, 10.3) alone.
std::string DevicePathText(ByteSpan path, size_t max);

}  // namespace plimsoll::eventlog
