#include "tcg/signature.h"

#include <fmt/format.h>

#include "tcg/reader.h"

namespace plimsoll::tcg {
namespace {

constexpr size_t kMaxRsaSignature = 512;
constexpr size_t kMaxCoordinate = 66;

}  // namespace

Result<Signature> Signature::Parse(ByteSpan bytes) {
  Reader reader(bytes);
  PLIMSOLL_ASSIGN_OR_RETURN(const AlgorithmId algorithm, reader.Algorithm("sigAlg"));
  if (algorithm != AlgorithmId::kRsassa && algorithm != AlgorithmId::kRsapss &&
      algorithm != AlgorithmId::kEcdsa) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("sigAlg: {} is not a known signature", ToString(algorithm)));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const AlgorithmId hash, reader.Hash("signature.hash"));
  std::variant<RsaSignature, EcdsaSignature> value;
  if (algorithm == AlgorithmId::kEcdsa) {
    PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan r, reader.Sized(kMaxCoordinate, "signatureR"));
    PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan s, reader.Sized(kMaxCoordinate, "signatureS"));
    value = EcdsaSignature{ToBytes(r), ToBytes(s)};
  } else {
    PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan rsa, reader.Sized(kMaxRsaSignature, "sig"));
    value = RsaSignature{ToBytes(rsa)};
  }
  PLIMSOLL_RETURN_IF_ERROR(reader.ExpectEnd("TPMT_SIGNATURE"));
  return Signature(algorithm, hash, std::move(value));
}

}  // namespace plimsoll::tcg
