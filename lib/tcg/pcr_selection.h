#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tcg/algorithm.h"
#include "tcg/reader.h"
#include "tcg/writer.h"

namespace plimsoll::tcg {

// The PCRs of one bank: bit i of `mask` stands for PCR i.
struct PcrBank {
  AlgorithmId hash;
  uint32_t mask;

  bool Contains(uint32_t pcr) const { return pcr < 32 && ((mask >> pcr) & 1U) != 0; }
  std::vector<uint32_t> Indices() const;  // ascending

  friend bool operator==(const PcrBank&, const PcrBank&) = default;
};

// A choice of PCRs, TPML_PCR_SELECTION (TPM 2.0 Part 2, 10.9.7 and 10.6.2): at most 16 banks, no
// bank twice, 1 to 4 bytes of bits each. The order of the banks is kept, since a quote hashes PCR
// values in that order; it does not count for equality. Immutable.
class PcrSelection {
 public:
  static constexpr size_t kMaxBanks = 16;

  PcrSelection() = default;  // no bank

  // Reads one TPML_PCR_SELECTION. kMalformed: more than 16 banks, sizeofSelect 0 or over 4, an
  // unknown hash, a bank twice, too few bytes. A bank without a bit is well-formed; HasEmptyBank
  // tells (Q13).
  static Result<PcrSelection> Parse(Reader& reader);

  // kMalformed for more than 16 banks, a bank twice or something that is not a hash.
  static Result<PcrSelection> Create(std::vector<PcrBank> banks);

  // The inverse of ToText. kMalformed for anything that ToText cannot have written.
  static Result<PcrSelection> FromText(std::string_view text);

  // TPML_PCR_SELECTION with sizeofSelect 3, or 4 for a bank that has bits above PCR 23.
  void Marshal(Writer& writer) const;

  const std::vector<PcrBank>& banks() const { return banks_; }  // in the order given
  uint32_t Mask(AlgorithmId bank) const;                        // 0 for a bank that is not there
  bool Contains(AlgorithmId bank, uint32_t pcr) const;
  size_t PcrCount() const;  // over all banks

  // Whether nothing is selected in some bank, or there is no bank at all.
  bool HasEmptyBank() const;

  // "sha256:0,1,2+sha384:7"; a bank without a bit is "sha384:", no bank at all is "".
  std::string ToText() const;

  // The same PCRs of the same banks; order and sizeofSelect do not matter. A bank that is there but
  // empty is not the same as a bank that is not there.
  friend bool operator==(const PcrSelection& a, const PcrSelection& b);

 private:
  explicit PcrSelection(std::vector<PcrBank> banks) : banks_(std::move(banks)) {}

  std::vector<PcrBank> banks_;
};

// The bank with these PCRs. kMalformed for a PCR above 31, a repeated one, or what is not a hash.
Result<PcrBank> MakePcrBank(AlgorithmId hash, std::span<const uint32_t> pcrs);

}  // namespace plimsoll::tcg
