#include "tcg/reader.h"

#include <fmt/format.h>

namespace plimsoll::tcg {
namespace {

template <class T>
Result<T> ReadBigEndian(Reader& reader, std::string_view field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan bytes, reader.Take(sizeof(T), field));
  uint64_t value = 0;
  for (const uint8_t byte : bytes) {
    value = value << 8U | byte;
  }
  return static_cast<T>(value);
}

}  // namespace

Result<uint8_t> Reader::U8(std::string_view field) { return ReadBigEndian<uint8_t>(*this, field); }

Result<uint16_t> Reader::U16(std::string_view field) {
  return ReadBigEndian<uint16_t>(*this, field);
}

Result<uint32_t> Reader::U32(std::string_view field) {
  return ReadBigEndian<uint32_t>(*this, field);
}

Result<uint64_t> Reader::U64(std::string_view field) {
  return ReadBigEndian<uint64_t>(*this, field);
}

Result<ByteSpan> Reader::Take(size_t size, std::string_view field) {
  if (size > rest_.size()) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("{}: needs {} bytes, {} are left", field, size, rest_.size()));
  }
  const ByteSpan taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

Result<ByteSpan> Reader::Sized(size_t max, std::string_view field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const uint16_t size, U16(field));
  if (size > max) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("{}: {} bytes, at most {} are allowed", field, size, max));
  }
  return Take(size, field);
}

Result<AlgorithmId> Reader::Algorithm(std::string_view field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const uint16_t number, U16(field));
  if (const auto algorithm = AlgorithmFromNumber(number)) {
    return *algorithm;
  }
  return Fail(ErrorCode::kMalformed, fmt::format("{}: unknown algorithm {:#06x}", field, number));
}

Result<AlgorithmId> Reader::Hash(std::string_view field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const AlgorithmId algorithm, Algorithm(field));
  if (!IsHash(algorithm)) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("{}: {} is not a hash", field, ToString(algorithm)));
  }
  return algorithm;
}

Result<CurveId> Reader::Curve(std::string_view field) {
  PLIMSOLL_ASSIGN_OR_RETURN(const uint16_t number, U16(field));
  if (const auto curve = CurveFromNumber(number)) {
    return *curve;
  }
  return Fail(ErrorCode::kMalformed, fmt::format("{}: unknown curve {:#06x}", field, number));
}

Status Reader::ExpectEnd(std::string_view structure) const {
  if (!rest_.empty()) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("{}: {} bytes behind its end", structure, rest_.size()));
  }
  return {};
}

ByteSpan Reader::Rest() {
  const ByteSpan rest = rest_;
  rest_ = {};
  return rest;
}

}  // namespace plimsoll::tcg
