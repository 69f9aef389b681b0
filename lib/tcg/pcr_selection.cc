#include "tcg/pcr_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

namespace plimsoll::tcg {
namespace {

constexpr uint8_t kMaxSizeOfSelect = 4;
constexpr uint32_t kPcrLimit = 32;

Result<std::vector<uint32_t>> ParseIndices(std::string_view text) {
  std::vector<uint32_t> pcrs;
  while (!text.empty()) {
    uint32_t pcr = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pcr);
    const auto length = static_cast<size_t>(end - text.data());
    const bool padded = text.front() == '0' && length > 1;
    if (error != std::errc() || padded || (!pcrs.empty() && pcr <= pcrs.back())) {
      return Fail(ErrorCode::kMalformed, "PCR selection: not an ascending list of PCRs");
    }
    pcrs.push_back(pcr);
    text.remove_prefix(length);
    if (text.empty()) {
      break;
    }
    if (text.front() != ',' || text.size() == 1) {
      return Fail(ErrorCode::kMalformed, "PCR selection: PCRs are separated by one comma each");
    }
    text.remove_prefix(1);
  }
  return pcrs;
}

Result<PcrBank> ParseBank(std::string_view text) {
  const size_t colon = text.find(':');
  const auto hash = BankFromName(text.substr(0, colon));
  if (colon == std::string_view::npos || !hash) {
    return Fail(ErrorCode::kMalformed, "PCR selection: a bank is a known hash and a colon");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::vector<uint32_t> pcrs, ParseIndices(text.substr(colon + 1)));
  return MakePcrBank(*hash, pcrs);
}

}  // namespace

std::vector<uint32_t> PcrBank::Indices() const {
  std::vector<uint32_t> pcrs;
  for (uint32_t pcr = 0; pcr < kPcrLimit; ++pcr) {
    if (Contains(pcr)) {
      pcrs.push_back(pcr);
    }
  }
  return pcrs;
}

Result<PcrBank> MakePcrBank(AlgorithmId hash, std::span<const uint32_t> pcrs) {
  if (!IsHash(hash)) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("PCR selection: {} is not a hash", ToString(hash)));
  }
  PcrBank bank{hash, 0};
  for (const uint32_t pcr : pcrs) {
    if (pcr >= kPcrLimit || bank.Contains(pcr)) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("PCR selection: PCR {} does not exist or is there twice", pcr));
    }
    bank.mask |= 1U << pcr;
  }
  return bank;
}

Result<PcrSelection> PcrSelection::Parse(Reader& reader) {
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t count, reader.U32("pcrSelect.count"));
  if (count > kMaxBanks) {
    return Fail(ErrorCode::kMalformed, fmt::format("pcrSelect: {} banks", count));
  }
  std::vector<PcrBank> banks;
  for (uint32_t i = 0; i < count; ++i) {
    PLIMSOLL_ASSIGN_OR_RETURN(const AlgorithmId hash, reader.Hash("pcrSelect.hash"));
    PLIMSOLL_ASSIGN_OR_RETURN(const uint8_t size, reader.U8("pcrSelect.sizeofSelect"));
    if (size == 0 || size > kMaxSizeOfSelect) {
      return Fail(ErrorCode::kMalformed, fmt::format("pcrSelect: sizeofSelect {}", size));
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan bits, reader.Take(size, "pcrSelect.pcrSelect"));
    PcrBank bank{hash, 0};
    for (size_t byte = 0; byte < bits.size(); ++byte) {
      bank.mask |= uint32_t{bits[byte]} << (8 * byte);
    }
    banks.push_back(bank);
  }
  return Create(std::move(banks));
}

Result<PcrSelection> PcrSelection::Create(std::vector<PcrBank> banks) {
  if (banks.size() > kMaxBanks) {
    return Fail(ErrorCode::kMalformed, fmt::format("PCR selection: {} banks", banks.size()));
  }
  for (auto bank = banks.begin(); bank != banks.end(); ++bank) {
    if (!IsHash(bank->hash)) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("PCR selection: {} is not a hash", ToString(bank->hash)));
    }
    if (std::any_of(banks.begin(), bank, [&](const PcrBank& b) { return b.hash == bank->hash; })) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("PCR selection: bank {} twice", BankName(bank->hash)));
    }
  }
  return PcrSelection(std::move(banks));
}

Result<PcrSelection> PcrSelection::FromText(std::string_view text) {
  std::vector<PcrBank> banks;
  while (!text.empty()) {
    const size_t plus = text.find('+');
    PLIMSOLL_ASSIGN_OR_RETURN(banks.emplace_back(), ParseBank(text.substr(0, plus)));
    if (plus == std::string_view::npos) {
      break;
    }
    text.remove_prefix(plus + 1);
    if (text.empty()) {
      return Fail(ErrorCode::kMalformed, "PCR selection: no bank behind the last plus");
    }
  }
  return Create(std::move(banks));
}

void PcrSelection::Marshal(Writer& writer) const {
  writer.U32(static_cast<uint32_t>(banks_.size()));
  for (const PcrBank& bank : banks_) {
    const uint8_t size = bank.mask >> 24U != 0 ? 4 : 3;
    writer.Algorithm(bank.hash).U8(size);
    for (uint8_t byte = 0; byte < size; ++byte) {
      writer.U8(static_cast<uint8_t>(bank.mask >> (8U * byte) & 0xFFU));
    }
  }
}

uint32_t PcrSelection::Mask(AlgorithmId bank) const {
  const auto found =
      std::find_if(banks_.begin(), banks_.end(), [&](const PcrBank& b) { return b.hash == bank; });
  return found == banks_.end() ? 0 : found->mask;
}

bool PcrSelection::Contains(AlgorithmId bank, uint32_t pcr) const {
  return PcrBank{bank, Mask(bank)}.Contains(pcr);
}

size_t PcrSelection::PcrCount() const {
  size_t count = 0;
  for (const PcrBank& bank : banks_) {
    count += static_cast<size_t>(std::popcount(bank.mask));
  }
  return count;
}

bool PcrSelection::HasEmptyBank() const {
  return banks_.empty() ||
         std::any_of(banks_.begin(), banks_.end(), [](const PcrBank& b) { return b.mask == 0; });
}

std::string PcrSelection::ToText() const {
  std::string text;
  for (const PcrBank& bank : banks_) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : "+", BankName(bank.hash),
                        fmt::join(bank.Indices(), ","));
  }
  return text;
}

bool operator==(const PcrSelection& a, const PcrSelection& b) {
  // No bank is there twice, so the same number of banks and every one found is a permutation.
  return a.banks_.size() == b.banks_.size() &&
         std::all_of(a.banks_.begin(), a.banks_.end(), [&](const PcrBank& bank) {
           return std::find(b.banks_.begin(), b.banks_.end(), bank) != b.banks_.end();
         });
}

}  // namespace plimsoll::tcg
