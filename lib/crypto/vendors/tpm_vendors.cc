#include "crypto/vendors/tpm_vendors.h"

// The block is put into the read-only data as it is: a compiler would need a minute and a gigabyte
// for an array of this length.
asm(".pushsection .rodata\n"
    ".balign 8\n"
    ".global plimsoll_tpm_vendors_begin\n"
    ".global plimsoll_tpm_vendors_end\n"
    "plimsoll_tpm_vendors_begin:\n"
    ".incbin \"" PLIMSOLL_TPM_VENDORS
    "\"\n"
    "plimsoll_tpm_vendors_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const uint8_t plimsoll_tpm_vendors_begin[];
extern const uint8_t plimsoll_tpm_vendors_end[];
}

namespace plimsoll::crypto {

EndorsementBundle TpmVendors() {
  return EndorsementBundle(
      {plimsoll_tpm_vendors_begin,
       static_cast<size_t>(plimsoll_tpm_vendors_end - plimsoll_tpm_vendors_begin)});
}

}  // namespace plimsoll::crypto
