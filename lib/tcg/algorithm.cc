#include "tcg/algorithm.h"

namespace plimsoll::tcg {

std::optional<AlgorithmId> AlgorithmFromNumber(uint16_t number) {
  const auto algorithm = static_cast<AlgorithmId>(number);
  switch (algorithm) {
    case AlgorithmId::kRsa:
    case AlgorithmId::kSha1:
    case AlgorithmId::kAes:
    case AlgorithmId::kMgf1:
    case AlgorithmId::kSha256:
    case AlgorithmId::kSha384:
    case AlgorithmId::kSha512:
    case AlgorithmId::kNull:
    case AlgorithmId::kRsassa:
    case AlgorithmId::kRsaes:
    case AlgorithmId::kRsapss:
    case AlgorithmId::kOaep:
    case AlgorithmId::kEcdsa:
    case AlgorithmId::kEcdh:
    case AlgorithmId::kKdf1Sp800_56a:
    case AlgorithmId::kKdf2:
    case AlgorithmId::kKdf1Sp800_108:
    case AlgorithmId::kEcc:
    case AlgorithmId::kCtr:
    case AlgorithmId::kOfb:
    case AlgorithmId::kCbc:
    case AlgorithmId::kCfb:
    case AlgorithmId::kEcb:
      return algorithm;
  }
  return std::nullopt;
}

std::optional<CurveId> CurveFromNumber(uint16_t number) {
  const auto curve = static_cast<CurveId>(number);
  switch (curve) {
    case CurveId::kNistP256:
    case CurveId::kNistP384:
    case CurveId::kNistP521:
      return curve;
  }
  return std::nullopt;
}

bool IsHash(AlgorithmId algorithm) { return DigestSize(algorithm) != 0; }

size_t DigestSize(AlgorithmId hash) {
  switch (hash) {
    case AlgorithmId::kSha1:
      return 20;
    case AlgorithmId::kSha256:
      return 32;
    case AlgorithmId::kSha384:
      return 48;
    case AlgorithmId::kSha512:
      return 64;
    default:
      return 0;
  }
}

bool IsStrongHash(AlgorithmId algorithm) { return DigestSize(algorithm) >= 32; }

std::string_view BankName(AlgorithmId hash) {
  switch (hash) {
    case AlgorithmId::kSha1:
      return "sha1";
    case AlgorithmId::kSha256:
      return "sha256";
    case AlgorithmId::kSha384:
      return "sha384";
    case AlgorithmId::kSha512:
      return "sha512";
    default:
      return "";
  }
}

std::optional<AlgorithmId> BankFromName(std::string_view name) {
  for (const AlgorithmId hash :
       {AlgorithmId::kSha1, AlgorithmId::kSha256, AlgorithmId::kSha384, AlgorithmId::kSha512}) {
    if (name == BankName(hash)) {
      return hash;
    }
  }
  return std::nullopt;
}

size_t CoordinateSize(CurveId curve) {
  switch (curve) {
    case CurveId::kNistP256:
      return 32;
    case CurveId::kNistP384:
      return 48;
    case CurveId::kNistP521:
      return 66;
  }
  return 0;
}

std::string_view ToString(AlgorithmId algorithm) {
  switch (algorithm) {
    case AlgorithmId::kRsa:
      return "RSA";
    case AlgorithmId::kSha1:
      return "SHA-1";
    case AlgorithmId::kAes:
      return "AES";
    case AlgorithmId::kMgf1:
      return "MGF1";
    case AlgorithmId::kSha256:
      return "SHA-256";
    case AlgorithmId::kSha384:
      return "SHA-384";
    case AlgorithmId::kSha512:
      return "SHA-512";
    case AlgorithmId::kNull:
      return "NULL";
    case AlgorithmId::kRsassa:
      return "RSASSA";
    case AlgorithmId::kRsaes:
      return "RSAES";
    case AlgorithmId::kRsapss:
      return "RSAPSS";
    case AlgorithmId::kOaep:
      return "OAEP";
    case AlgorithmId::kEcdsa:
      return "ECDSA";
    case AlgorithmId::kEcdh:
      return "ECDH";
    case AlgorithmId::kKdf1Sp800_56a:
      return "KDF1_SP800_56A";
    case AlgorithmId::kKdf2:
      return "KDF2";
    case AlgorithmId::kKdf1Sp800_108:
      return "KDF1_SP800_108";
    case AlgorithmId::kEcc:
      return "ECC";
    case AlgorithmId::kCtr:
      return "CTR";
    case AlgorithmId::kOfb:
      return "OFB";
    case AlgorithmId::kCbc:
      return "CBC";
    case AlgorithmId::kCfb:
      return "CFB";
    case AlgorithmId::kEcb:
      return "ECB";
  }
  return "";
}

std::string_view ToString(CurveId curve) {
  switch (curve) {
    case CurveId::kNistP256:
      return "P-256";
    case CurveId::kNistP384:
      return "P-384";
    case CurveId::kNistP521:
      return "P-521";
  }
  return "";
}

}  // namespace plimsoll::tcg
