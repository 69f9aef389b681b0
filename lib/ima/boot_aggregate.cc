#include "ima/boot_aggregate.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace plimsoll::ima {
namespace {

constexpr std::string_view kName = "boot_aggregate";

bool AllZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

BootAggregate Wrong(std::string message) {
  return {.verdict = BootAggregateVerdict::kWrong, .message = std::move(message)};
}

// H(PCR 0 || ... || PCR last); nothing when one of them was not quoted.
std::optional<Bytes> Aggregate(tcg::AlgorithmId bank, uint32_t last, const QuotedPcr& quoted) {
  crypto::Hasher hasher(bank);
  for (uint32_t pcr = 0; pcr <= last; ++pcr) {
    const std::optional<ByteSpan> value = quoted(bank, pcr);
    if (!value) {
      return std::nullopt;
    }
    hasher.Update(*value);
  }
  return hasher.Finish();
}

}  // namespace

bool IsBootAggregate(const Entry& entry) {
  return entry.path == kName && entry.form != Template::kImaBuf && !entry.digest.verity;
}

BootAggregate CheckBootAggregate(const Entry& entry, const QuotedPcr& quoted) {
  if (!IsBootAggregate(entry)) {
    return Wrong("the list does not begin with a boot aggregate");
  }
  if (entry.violation || AllZero(entry.digest.value)) {
    return Wrong("the boot aggregate is zero: the kernel found no TPM when it began its list");
  }
  if (!entry.digest.algorithm) {
    return {.verdict = BootAggregateVerdict::kNotJudged,
            .message = fmt::format("the boot aggregate is of the {} bank, which was not quoted",
                                   entry.digest.name)};
  }
  const tcg::AlgorithmId bank = *entry.digest.algorithm;
  bool incomplete = false;
  for (const uint32_t last : {7U, 9U}) {
    if (last == 9 && bank == tcg::AlgorithmId::kSha1) {
      continue;  // no kernel ever took PCR 8 and 9 into this one
    }
    const std::optional<Bytes> expected = Aggregate(bank, last, quoted);
    if (!expected) {
      incomplete = true;
    } else if (std::equal(expected->begin(), expected->end(), entry.digest.value.begin(),
                          entry.digest.value.end())) {
      return {.verdict = BootAggregateVerdict::kMatches,
              .bank = bank,
              .last_pcr = last,
              .message = fmt::format("the boot aggregate is that of PCR 0 to {} of the {} bank",
                                     last, tcg::BankName(bank))};
    }
  }
  if (incomplete) {
    return {.verdict = BootAggregateVerdict::kNotJudged,
            .message = fmt::format(
                "the boot aggregate is of the {} bank, of which PCR 0 to {} were not all quoted",
                tcg::BankName(bank), bank == tcg::AlgorithmId::kSha1 ? 7 : 9)};
  }
  return Wrong(
      fmt::format("the boot aggregate {}:{} is not that of the quoted PCRs: the list was begun in "
                  "another boot or on another machine",
                  tcg::BankName(bank), ToHex(entry.digest.value)));
}

}  // namespace plimsoll::ima
