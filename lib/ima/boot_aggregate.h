#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "ima/measurement_list.h"
#include "tcg/algorithm.h"

namespace plimsoll::ima {

// The value of a quoted PCR; nullopt when it was not quoted.
using QuotedPcr = std::function<std::optional<ByteSpan>(tcg::AlgorithmId bank, uint32_t pcr)>;

enum class BootAggregateVerdict : uint8_t {
  kMatches,    // the list was begun in the boot that the quoted PCRs tell of
  kWrong,      // missing, all zeros (a kernel that found no TPM), or of other PCR values
  kNotJudged,  // the PCRs that it was made from were not quoted
};

struct BootAggregate {
  BootAggregateVerdict verdict = BootAggregateVerdict::kWrong;
  std::optional<tcg::AlgorithmId> bank =
      std::nullopt;  // when it matches: of these PCRs, 0 to last_pcr
  uint32_t last_pcr = 0;
  std::string message = {};  // a sentence for people, whatever the verdict
};

// Whether this is a file measurement by the name that the kernel gives to its boot aggregate.
bool IsBootAggregate(const Entry& entry);

// Compares the entry's digest with H(PCR 0 || ... || PCR n) in the forms that kernels use (I6):
// SHA-1 over the sha1 bank with n = 7; another hash over its own bank with n = 7 or n = 9.
BootAggregate CheckBootAggregate(const Entry& entry, const QuotedPcr& quoted);

}  // namespace plimsoll::ima
