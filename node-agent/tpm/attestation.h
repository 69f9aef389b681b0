#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/attestation_key.h"
#include "node-agent/tpm/device.h"

namespace plimsoll::tpm {

// The attestation key of this TPM in this cluster (templates.h), of the first of `profiles` that
// the TPM can make. Fails as Device::CreatePrimary does; kUnsupported when it can make none.
Result<Key> MakeAttestationKey(Device& device, std::span<const crypto::KeyProfile> profiles,
                               std::string_view cluster_uid);

struct QuoteWithValues {
  QuoteBytes quote;
  std::vector<PcrValue> pcrs;  // exactly those quoted; their digest is the quote's
};

// A quote, and the PCR values that it is over. Values move (PCR 10 with every measured file), so
// that both are read again until they belong together; kUnavailable with Retry::kNow when they
// never did. kUnsupported when the TPM answers with another selection: a bank is not allocated.
Result<QuoteWithValues> TakeQuote(Device& device, const Key& ak, const tcg::PcrSelection& selection,
                                  ByteSpan qualifying_data);

}  // namespace plimsoll::tpm
