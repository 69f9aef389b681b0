#include "tcg/public_area.h"

#include <fmt/format.h>

#include "tcg/reader.h"

namespace plimsoll::tcg {
namespace {

constexpr size_t kMaxPolicy = 64;
constexpr size_t kMaxModulus = 512;
constexpr size_t kMaxCoordinate = 66;

Result<SymmetricDefinition> ParseSymmetric(Reader& reader) {
  SymmetricDefinition symmetric;
  PLIMSOLL_ASSIGN_OR_RETURN(symmetric.algorithm, reader.Algorithm("symmetric.algorithm"));
  if (symmetric.algorithm == AlgorithmId::kNull) {
    return symmetric;
  }
  if (symmetric.algorithm != AlgorithmId::kAes) {
    return Fail(ErrorCode::kMalformed, fmt::format("symmetric: {} is not a known block cipher",
                                                   ToString(symmetric.algorithm)));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(symmetric.key_bits, reader.U16("symmetric.keyBits"));
  PLIMSOLL_ASSIGN_OR_RETURN(symmetric.mode, reader.Algorithm("symmetric.mode"));
  switch (symmetric.mode) {
    case AlgorithmId::kCtr:
    case AlgorithmId::kOfb:
    case AlgorithmId::kCbc:
    case AlgorithmId::kCfb:
    case AlgorithmId::kEcb:
    case AlgorithmId::kNull:
      return symmetric;
    default:
      return Fail(ErrorCode::kMalformed,
                  fmt::format("symmetric: {} is not a mode", ToString(symmetric.mode)));
  }
}

// TPMT_RSA_SCHEME or TPMT_ECC_SCHEME: the two differ in what may stand in them.
Result<Scheme> ParseAsymmetricScheme(Reader& reader, AlgorithmId type) {
  Scheme scheme;
  PLIMSOLL_ASSIGN_OR_RETURN(scheme.algorithm, reader.Algorithm("scheme"));
  bool fits = false;
  bool hashed = true;
  switch (scheme.algorithm) {
    case AlgorithmId::kNull:
      fits = true;
      hashed = false;
      break;
    case AlgorithmId::kRsaes:
      fits = type == AlgorithmId::kRsa;
      hashed = false;
      break;
    case AlgorithmId::kRsassa:
    case AlgorithmId::kRsapss:
    case AlgorithmId::kOaep:
      fits = type == AlgorithmId::kRsa;
      break;
    case AlgorithmId::kEcdsa:
    case AlgorithmId::kEcdh:
      fits = type == AlgorithmId::kEcc;
      break;
    default:
      break;
  }
  if (!fits) {
    return Fail(ErrorCode::kMalformed, fmt::format("scheme: {} does not go with {}",
                                                   ToString(scheme.algorithm), ToString(type)));
  }
  if (hashed) {
    PLIMSOLL_ASSIGN_OR_RETURN(scheme.hash, reader.Hash("scheme.hashAlg"));
  }
  return scheme;
}

Result<Scheme> ParseKdfScheme(Reader& reader) {
  Scheme scheme;
  PLIMSOLL_ASSIGN_OR_RETURN(scheme.algorithm, reader.Algorithm("kdf"));
  switch (scheme.algorithm) {
    case AlgorithmId::kNull:
      return scheme;
    case AlgorithmId::kMgf1:
    case AlgorithmId::kKdf1Sp800_56a:
    case AlgorithmId::kKdf2:
    case AlgorithmId::kKdf1Sp800_108: {
      PLIMSOLL_ASSIGN_OR_RETURN(scheme.hash, reader.Hash("kdf.hashAlg"));
      return scheme;
    }
    default:
      return Fail(ErrorCode::kMalformed,
                  fmt::format("kdf: {} is not a key derivation", ToString(scheme.algorithm)));
  }
}

Result<RsaPublic> ParseRsa(Reader& reader) {
  RsaPublic rsa;
  PLIMSOLL_ASSIGN_OR_RETURN(rsa.key_bits, reader.U16("keyBits"));
  PLIMSOLL_ASSIGN_OR_RETURN(rsa.exponent, reader.U32("exponent"));
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan modulus, reader.Sized(kMaxModulus, "unique.rsa"));
  rsa.modulus = ToBytes(modulus);
  return rsa;
}

Result<EccPublic> ParseEcc(Reader& reader) {
  EccPublic ecc;
  PLIMSOLL_ASSIGN_OR_RETURN(ecc.curve, reader.Curve("curveID"));
  PLIMSOLL_ASSIGN_OR_RETURN(ecc.kdf, ParseKdfScheme(reader));
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan x, reader.Sized(kMaxCoordinate, "unique.ecc.x"));
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan y, reader.Sized(kMaxCoordinate, "unique.ecc.y"));
  ecc.x = ToBytes(x);
  ecc.y = ToBytes(y);
  return ecc;
}

}  // namespace

Result<PublicArea> PublicArea::Parse(ByteSpan bytes) {
  Reader reader(bytes);
  PublicArea area(ToBytes(bytes));
  PLIMSOLL_ASSIGN_OR_RETURN(area.type_, reader.Algorithm("type"));
  if (area.type_ != AlgorithmId::kRsa && area.type_ != AlgorithmId::kEcc) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("type: {} is not a kind of asymmetric key", ToString(area.type_)));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(area.name_algorithm_, reader.Hash("nameAlg"));
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t attributes, reader.U32("objectAttributes"));
  area.attributes_ = ObjectAttributes(attributes);
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan policy, reader.Sized(kMaxPolicy, "authPolicy"));
  area.auth_policy_ = ToBytes(policy);
  PLIMSOLL_ASSIGN_OR_RETURN(area.symmetric_, ParseSymmetric(reader));
  PLIMSOLL_ASSIGN_OR_RETURN(area.scheme_, ParseAsymmetricScheme(reader, area.type_));
  if (area.type_ == AlgorithmId::kRsa) {
    PLIMSOLL_ASSIGN_OR_RETURN(area.key_, ParseRsa(reader));
  } else {
    PLIMSOLL_ASSIGN_OR_RETURN(area.key_, ParseEcc(reader));
  }
  PLIMSOLL_RETURN_IF_ERROR(reader.ExpectEnd("TPMT_PUBLIC"));
  return area;
}

Result<PublicArea> PublicArea::ParseSized(ByteSpan bytes) {
  Reader reader(bytes);
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan area, reader.Sized(UINT16_MAX, "TPM2B_PUBLIC"));
  PLIMSOLL_RETURN_IF_ERROR(reader.ExpectEnd("TPM2B_PUBLIC"));
  return Parse(area);
}

}  // namespace plimsoll::tcg
