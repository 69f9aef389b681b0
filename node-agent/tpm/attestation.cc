#include "node-agent/tpm/attestation.h"

#include <algorithm>
#include <utility>

#include "crypto/digest.h"
#include "node-agent/tpm/templates.h"
#include "tcg/attest.h"

namespace plimsoll::tpm {
namespace {

constexpr int kQuoteAttempts = 6;

// Whether `values` are those that the TPM hashed: in the order of the selection in the quote, by
// the signing scheme's hash (TPM 2.0 Part 3, 18.4), which need not be that of the bank.
bool Reproduces(const std::vector<PcrValue>& values, const tcg::Attest& attest,
                tcg::AlgorithmId hash) {
  crypto::Hasher hasher(hash);
  size_t used = 0;
  for (const tcg::PcrBank& bank : attest.selection().banks()) {
    for (const uint32_t pcr : bank.Indices()) {
      const auto value = std::ranges::find_if(values, [&](const PcrValue& candidate) {
        return candidate.bank == bank.hash && candidate.index == pcr;
      });
      if (value == values.end()) {
        return false;
      }
      hasher.Update(value->digest);
      ++used;
    }
  }
  return used == values.size() && std::ranges::equal(hasher.Finish(), attest.pcr_digest());
}

}  // namespace

Result<Key> MakeAttestationKey(Device& device, std::span<const crypto::KeyProfile> profiles,
                               std::string_view cluster_uid) {
  Error last{ErrorCode::kUnsupported, "no key profile is left to try", Retry::kNever};
  for (const crypto::KeyProfile profile : profiles) {
    auto key = device.CreatePrimary(AttestationTemplate(profile, cluster_uid));
    if (key || key.error().code != ErrorCode::kUnsupported) {
      return key;
    }
    last = std::move(key).error();
  }
  return tl::unexpected(std::move(last));
}

Result<QuoteWithValues> TakeQuote(Device& device, const Key& ak, const tcg::PcrSelection& selection,
                                  ByteSpan qualifying_data) {
  const tcg::AlgorithmId hash = ak.public_area().scheme().hash;
  std::vector<PcrValue> values;
  for (int attempt = 0; attempt < kQuoteAttempts; ++attempt) {
    PLIMSOLL_ASSIGN_OR_RETURN(QuoteBytes quote, device.Quote(ak, selection, qualifying_data));
    const auto attest = tcg::Attest::Parse(quote.attest);
    if (!attest) {
      return Fail(ErrorCode::kMalformed, "TPM2_Quote: " + attest.error().message,
                  Retry::kReconnect);
    }
    if (attest->selection() != selection) {
      return Fail(ErrorCode::kUnsupported, "the TPM quoted " + attest->selection().ToText() +
                                               " where " + selection.ToText() + " was asked");
    }
    // The values of the last attempt, read before this quote, may be its values.
    if (attempt == 0 || !Reproduces(values, *attest, hash)) {
      PLIMSOLL_ASSIGN_OR_RETURN(values, device.ReadPcrs(selection));
      if (!Reproduces(values, *attest, hash)) {
        continue;
      }
    }
    return QuoteWithValues{std::move(quote), std::move(values)};
  }
  return Fail(ErrorCode::kUnavailable, "the PCRs changed during every quote", Retry::kNow);
}

}  // namespace plimsoll::tpm
