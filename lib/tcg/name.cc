#include "tcg/name.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "tcg/reader.h"

namespace plimsoll::tcg {

Result<Name> Name::FromBytes(ByteSpan bytes) {
  Reader reader(bytes);
  PLIMSOLL_ASSIGN_OR_RETURN(const AlgorithmId algorithm, reader.Hash("Name.nameAlg"));
  if (reader.remaining() != DigestSize(algorithm)) {
    return Fail(ErrorCode::kMalformed, fmt::format("Name: {} bytes of digest for {}",
                                                   reader.remaining(), ToString(algorithm)));
  }
  return Name(algorithm, ToBytes(bytes));
}

Result<Name> Name::FromHex(std::string_view text) {
  if (text.size() > 2 * kMaxNameBytes) {
    return Fail(ErrorCode::kMalformed, fmt::format("Name: {} characters", text.size()));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes bytes, plimsoll::FromHex(text));
  return FromBytes(bytes);
}

std::string Name::ToHex() const { return plimsoll::ToHex(bytes_); }

Result<QualifiedName> QualifiedName::FromBytes(ByteSpan bytes) {
  if (bytes.size() > kMaxNameBytes) {
    return Fail(ErrorCode::kTooLarge, fmt::format("Qualified Name: {} bytes", bytes.size()));
  }
  return QualifiedName(ToBytes(bytes));
}

std::string QualifiedName::ToHex() const { return plimsoll::ToHex(bytes_); }

}  // namespace plimsoll::tcg
