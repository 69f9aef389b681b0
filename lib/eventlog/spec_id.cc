#include "eventlog/spec_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "eventlog/little_endian.h"

namespace plimsoll::eventlog {
namespace {

using std::string_view_literals::operator""sv;

constexpr size_t kSignatureBytes = 16;

bool HasSignature(ByteSpan data, std::string_view signature) {
  return data.size() >= kSignatureBytes && AsText(data.first(kSignatureBytes)) == signature;
}

// Hashes of the TCG algorithm registry that Plimsoll does not compute: SM3-256, SHA3-256, -384,
// -512.
uint16_t ForeignDigestSize(uint16_t number) {
  switch (number) {
    case 0x0012:
    case 0x0027:
      return 32;
    case 0x0028:
      return 48;
    case 0x0029:
      return 64;
    default:
      return 0;
  }
}

constexpr uint16_t kMaxDigestBytes = 64;

tl::expected<Bank, std::string> ReadBank(uint16_t number, uint16_t size) {
  Bank bank{.number = number, .size = size, .algorithm = std::nullopt};
  const auto algorithm = tcg::AlgorithmFromNumber(number);
  if (algorithm && !tcg::IsHash(*algorithm)) {
    return tl::unexpected(
        fmt::format("the header declares digests of algorithm {:#06x}, which is "
                    "no hash",
                    number));
  }
  if (algorithm) {
    bank.algorithm = algorithm;
  }
  const size_t expected = algorithm ? tcg::DigestSize(*algorithm) : ForeignDigestSize(number);
  if (size == 0 || size > kMaxDigestBytes || (expected != 0 && size != expected)) {
    return tl::unexpected(
        fmt::format("the header declares digests of {} bytes for algorithm {:#06x}{}", size, number,
                    expected != 0 ? fmt::format(", which has {}", expected) : ""));
  }
  return bank;
}

}  // namespace

bool IsSpecId(ByteSpan data) {
  constexpr auto kStart = "Spec ID Event"sv;
  return data.size() >= kStart.size() && AsText(data.first(kStart.size())) == kStart;
}

bool IsCryptoAgileSpecId(ByteSpan data) { return HasSignature(data, "Spec ID Event03\0"sv); }

bool IsTpm12SpecId(ByteSpan data) {
  return HasSignature(data, "Spec ID Event00\0"sv) || HasSignature(data, "Spec ID Event02\0"sv);
}

tl::expected<std::vector<Bank>, std::string> ReadSpecId(ByteSpan data) {
  LittleEndianReader reader(data.subspan(kSignatureBytes));
  const auto platform_class = reader.U32();
  const auto minor = reader.U8();
  const auto major = reader.U8();
  const auto errata = reader.U8();
  reader.U8();  // uintnSize, which nothing here depends on
  const auto count = reader.U32();
  if (!platform_class || !count) {
    return tl::unexpected(fmt::format("the header has only {} bytes", data.size()));
  }
  if (*major != 2 || *minor != 0) {
    return tl::unexpected(fmt::format(
        "the header is of version {}.{} (errata {}), only 2.0 is known", *major, *minor, *errata));
  }
  if (*count == 0 || *count > kMaxBanks) {
    return tl::unexpected(fmt::format(
        "the header declares {} digest algorithms, 1 to {} are allowed", *count, kMaxBanks));
  }
  std::vector<Bank> banks;
  for (uint32_t i = 0; i < *count; ++i) {
    const auto number = reader.U16();
    const auto size = reader.U16();
    if (!number || !size) {
      return tl::unexpected(std::string("the header ends within its list of algorithms"));
    }
    if (std::any_of(banks.begin(), banks.end(),
                    [&](const Bank& bank) { return bank.number == *number; })) {
      return tl::unexpected(fmt::format("the header declares algorithm {:#06x} twice", *number));
    }
    auto bank = ReadBank(*number, *size);
    if (!bank) {
      return tl::unexpected(std::move(bank).error());
    }
    banks.push_back(*bank);
  }
  const auto vendor_bytes = reader.U8();
  if (!vendor_bytes || reader.remaining() != *vendor_bytes) {
    return tl::unexpected(
        fmt::format("the header has {} bytes behind its algorithms that are not "
                    "its vendor information",
                    reader.remaining()));
  }
  return banks;
}

}  // namespace plimsoll::eventlog
