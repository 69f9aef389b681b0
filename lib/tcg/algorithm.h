#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// lib/tcg decodes what TPMs sign and export, from bytes that anyone may have written. It knows
// structures and nothing else: no cryptography, no policy, no TPM connection.

namespace plimsoll::tcg {

// TPM_ALG_ID (TPM 2.0 Part 2, 6.3, Table 9): the algorithms that Plimsoll decodes. A value of this
// type is always one of them: every decoder refuses the rest as kMalformed.
enum class AlgorithmId : uint16_t {
  kRsa = 0x0001,
  kSha1 = 0x0004,
  kAes = 0x0006,
  kMgf1 = 0x0007,
  kSha256 = 0x000B,
  kSha384 = 0x000C,
  kSha512 = 0x000D,
  kNull = 0x0010,
  kRsassa = 0x0014,
  kRsaes = 0x0015,
  kRsapss = 0x0016,
  kOaep = 0x0017,
  kEcdsa = 0x0018,
  kEcdh = 0x0019,
  kKdf1Sp800_56a = 0x0020,
  kKdf2 = 0x0021,
  kKdf1Sp800_108 = 0x0022,
  kEcc = 0x0023,
  kCtr = 0x0040,
  kOfb = 0x0041,
  kCbc = 0x0042,
  kCfb = 0x0043,
  kEcb = 0x0044,
};

// TPM_ECC_CURVE (TPM 2.0 Part 2, 6.4, Table 10).
enum class CurveId : uint16_t {
  kNistP256 = 0x0003,
  kNistP384 = 0x0004,
  kNistP521 = 0x0005,
};

// The algorithm or curve with this number; nullopt for one that Plimsoll does not decode.
std::optional<AlgorithmId> AlgorithmFromNumber(uint16_t number);
std::optional<CurveId> CurveFromNumber(uint16_t number);

// Whether this is a hash, that is, one that may name a PCR bank.
bool IsHash(AlgorithmId algorithm);

// Bytes of a digest: 20, 32, 48 or 64. 0 for what is not a hash.
size_t DigestSize(AlgorithmId hash);

// Whether this is SHA-256 or stronger: what a signature, a Name or a policy may rest on.
bool IsStrongHash(AlgorithmId algorithm);

// "sha1", "sha256", "sha384", "sha512": the words for PCR banks in files, on the wire and in the
// API. `hash` must be a hash; another algorithm gives "" .
std::string_view BankName(AlgorithmId hash);

// The bank of that name, spelled exactly so; nullopt otherwise.
std::optional<AlgorithmId> BankFromName(std::string_view name);

// Bytes of one coordinate: 32, 48 or 66.
size_t CoordinateSize(CurveId curve);

// Names for messages: "RSASSA", "SHA-256", "P-384".
std::string_view ToString(AlgorithmId algorithm);
std::string_view ToString(CurveId curve);

}  // namespace plimsoll::tcg
