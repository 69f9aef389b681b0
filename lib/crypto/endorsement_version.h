#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plimsoll::crypto {

// The firmware versions A.B.C.D that a text stands for: four 16-bit fields, high first, as in a
// quote's firmwareVersion. A text with fewer fields stands for all versions that begin with it,
// both ends included.
struct VersionInterval {
  uint64_t lowest = 0;
  uint64_t highest = UINT64_MAX;

  bool Overlaps(const VersionInterval& other) const {
    return lowest <= other.highest && other.lowest <= highest;
  }
};

// What a certificate's TPM version says (TCG EK Credential Profile 2.5, 3.2.9: the vendor's own
// text). Real ones are:
//
//   id:053E      four hex digits, two of eight bits: 5.62 (Infineon)
//   id:00490004  eight hex digits, two of 16 bits: 73.4 (ST, Nuvoton; software TPMs write a date)
//   sixteen hex digits, four of 16 bits: a whole firmwareVersion
//   7.2.0.2      two to four decimal numbers
//
// "id:" may be missing or in capitals. nullopt for anything else: a version that nobody can
// compare.
std::optional<VersionInterval> ReadCertificateVersion(std::string_view text);

// The bound of a rule: one to four decimal numbers of at most 65535 ("5", "5.61", "7.2.1.0"), or
// "id:" with hex digits exactly as certificates have it. kMalformed otherwise.
Result<VersionInterval> ReadVersionBound(std::string_view text);

// "73.4" of "id:00490004"; the text itself when it cannot be read.
std::string DescribeVersion(std::string_view text);

}  // namespace plimsoll::crypto
