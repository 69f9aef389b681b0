#pragma once

#include <string>
#include <string_view>

namespace plimsoll::crypto {

// The TCG vendor id in letters ("STM", "IFX", "INTC"), as the API names manufacturers, from what
// certificates and people write (TCG Vendor ID Registry, 2; TCG EK Credential Profile 2.5, 3.2.9):
// "id:53544D20", "id:53544D", eight hex digits alone or the letters themselves, in either case.
// Blanks and zeros at the end are cut off. An id that has no letters (0x00001014, of software TPMs)
// stays as its eight lower-case hex digits. Empty when it is none of these.
std::string VendorIdOf(std::string_view manufacturer);

// "STMicroelectronics" of "STM"; empty for an id that the registry did not have.
std::string_view VendorName(std::string_view vendor_id);

}  // namespace plimsoll::crypto
