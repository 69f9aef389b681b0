#include "tcg/attest.h"

#include <fmt/format.h>

#include "tcg/reader.h"

namespace plimsoll::tcg {
namespace {

// TPM2B_DATA: as large as a TPMT_HA with the largest digest (Part 2, 10.4.3).
constexpr size_t kMaxExtraData = 2 + 64;
constexpr size_t kMaxDigest = 64;

Result<ClockInfo> ParseClockInfo(Reader& reader) {
  ClockInfo info;
  PLIMSOLL_ASSIGN_OR_RETURN(info.clock, reader.U64("clockInfo.clock"));
  PLIMSOLL_ASSIGN_OR_RETURN(info.reset_count, reader.U32("clockInfo.resetCount"));
  PLIMSOLL_ASSIGN_OR_RETURN(info.restart_count, reader.U32("clockInfo.restartCount"));
  PLIMSOLL_ASSIGN_OR_RETURN(const uint8_t safe, reader.U8("clockInfo.safe"));
  if (safe > 1) {
    return Fail(ErrorCode::kMalformed, fmt::format("clockInfo.safe: {} is neither 0 nor 1", safe));
  }
  info.safe = safe == 1;
  return info;
}

}  // namespace

Result<Attest> Attest::Parse(ByteSpan bytes) {
  Reader reader(bytes);
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t magic, reader.U32("magic"));
  PLIMSOLL_ASSIGN_OR_RETURN(const uint16_t type, reader.U16("type"));
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan signer, reader.Sized(kMaxNameBytes, "qualifiedSigner"));
  PLIMSOLL_ASSIGN_OR_RETURN(QualifiedName name, QualifiedName::FromBytes(signer));

  Attest attest(ToBytes(bytes), std::move(name));
  attest.magic_ = magic;
  attest.type_ = type;
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan extra_data, reader.Sized(kMaxExtraData, "extraData"));
  attest.extra_data_ = ToBytes(extra_data);
  PLIMSOLL_ASSIGN_OR_RETURN(attest.clock_, ParseClockInfo(reader));
  PLIMSOLL_ASSIGN_OR_RETURN(attest.firmware_version_, reader.U64("firmwareVersion"));
  if (type != kAttestQuote) {
    return attest;
  }

  PLIMSOLL_ASSIGN_OR_RETURN(attest.selection_, PcrSelection::Parse(reader));
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan digest, reader.Sized(kMaxDigest, "pcrDigest"));
  attest.pcr_digest_ = ToBytes(digest);
  PLIMSOLL_RETURN_IF_ERROR(reader.ExpectEnd("TPMS_ATTEST"));
  return attest;
}

}  // namespace plimsoll::tcg
