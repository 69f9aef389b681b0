#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "node-agent/tpm/device.h"

namespace plimsoll::tpm {

// The TPM's endorsement key as the controller wants to see it.
struct Endorsement {
  Key key;
  std::optional<Bytes> certificate;  // DER without padding; for exactly this key
  std::vector<Bytes> chain;          // DER; what the maker put beside it, hints only
};

// The endorsement key of this TPM.
//
// All NV indices of 0x01c00000-0x01c07fff are looked at. In the order of kEndorsementKinds, and
// those first whose certificate is where the profile puts it, the key is the persistent one that a
// certificate certifies, else the primary made from the profile's template (with the template and
// nonce of NV, where they are), if a certificate certifies that. A TPM without any usable
// certificate gives the first kind that it can make, without a certificate. Keys that no controller
// accepts (crypto::CheckEndorsementKey) are passed over.
//
// Fails as Device::CreatePrimary does; kUnsupported when the TPM can make none of them.
Result<Endorsement> FindEndorsement(Device& device);

}  // namespace plimsoll::tpm
