#pragma once

#include "crypto/endorsement_bundle.h"

namespace plimsoll::crypto {

// The CA certificates of TPM vendors that are part of Plimsoll ("builtin: TPMVendors" of an
// EndorsementAuthority); README.md of this folder says which and whence. Constant data of the
// program: nothing is read of it before a chain needs a certificate.
EndorsementBundle TpmVendors();

}  // namespace plimsoll::crypto
