#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/name.h"
#include "tcg/pcr_selection.h"

namespace plimsoll::tcg {

// TPM_GENERATED_VALUE: how everything begins that a TPM signs about itself (TPM 2.0 Part 2, 6.2).
inline constexpr uint32_t kTpmGeneratedValue = 0xFF544347;

// TPM_ST_ATTEST_QUOTE (TPM 2.0 Part 2, 6.9).
inline constexpr uint16_t kAttestQuote = 0x8018;

// TPMS_CLOCK_INFO (TPM 2.0 Part 2, 10.11.1).
struct ClockInfo {
  uint64_t clock = 0;          // milliseconds that the TPM has run since the last TPM2_Clear
  uint32_t reset_count = 0;    // TPM resets (boots) since the last TPM2_Clear
  uint32_t restart_count = 0;  // resumes since the last reset
  bool safe = false;           // no higher clock value can have been reported before

  friend bool operator==(const ClockInfo&, const ClockInfo&) = default;
};

// TPMS_ATTEST (TPM 2.0 Part 2, 10.12.12), decoded from the exact bytes that were signed.
//
// An Attest proves nothing: it says what the bytes say. Whether a TPM made them needs the signature
// and the checks of lib/appraisal; magic and type are among those, so a wrong one still decodes
// here. Immutable, owns its bytes, safe to share between threads.
class Attest {
 public:
  // kMalformed on a short read, trailing bytes, an over-long field, `safe` other than 0 or 1, or an
  // unknown bank. Of another type than kAttestQuote only the common part is decoded; what it
  // attests to is taken as it stands.
  static Result<Attest> Parse(ByteSpan bytes);

  ByteSpan bytes() const { return bytes_; }                // what was signed
  uint32_t magic() const { return magic_; }                // kTpmGeneratedValue, if genuine
  uint16_t type() const { return type_; }                  // kAttestQuote, if a quote
  const QualifiedName& signer() const { return signer_; }  // qualifiedSigner
  ByteSpan extra_data() const { return extra_data_; }      // qualifyingData of the request
  const ClockInfo& clock() const { return clock_; }
  uint64_t firmware_version() const { return firmware_version_; }

  // TPMS_QUOTE_INFO. Empty unless type() is kAttestQuote.
  const PcrSelection& selection() const { return selection_; }
  ByteSpan pcr_digest() const { return pcr_digest_; }  // by the signing scheme's hash

 private:
  Attest(Bytes bytes, QualifiedName signer)
      : bytes_(std::move(bytes)), signer_(std::move(signer)) {}

  Bytes bytes_;
  QualifiedName signer_;
  uint32_t magic_ = 0;
  uint16_t type_ = 0;
  Bytes extra_data_;
  ClockInfo clock_;
  uint64_t firmware_version_ = 0;
  PcrSelection selection_;
  Bytes pcr_digest_;
};

}  // namespace plimsoll::tcg
