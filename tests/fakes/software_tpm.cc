#include "fakes/software_tpm.h"

#include "crypto/digest.h"
#include "crypto/names.h"
#include "tcg/writer.h"

namespace plimsoll::fakes {

using tcg::AlgorithmId;

Bytes AttestFields::Marshal() const {
  tcg::Writer writer;
  writer.U32(magic).U16(type).Sized(signer).Sized(extra_data);
  writer.U64(clock).U32(reset_count).U32(restart_count).U8(safe).U64(firmware_version);
  writer.U32(static_cast<uint32_t>(selection.size()));
  for (const Bank& bank : selection) {
    writer.U16(bank.hash).U8(static_cast<uint8_t>(bank.bits.size())).Raw(bank.bits);
  }
  writer.Sized(pcr_digest);
  return writer.Take();
}

SoftwareTpm::SoftwareTpm(KeyTemplate ak) : SoftwareTpm(SoftwareKey(std::move(ak))) {}

SoftwareTpm::SoftwareTpm(SoftwareKey ak) : ak_(std::move(ak)) {
  for (const AlgorithmId bank : {AlgorithmId::kSha1, AlgorithmId::kSha256, AlgorithmId::kSha384}) {
    for (uint32_t pcr = 0; pcr < 24; ++pcr) {
      const uint8_t fill = pcr >= 17 && pcr <= 22 ? 0xFF : 0x00;
      pcrs_[bank][pcr] = Bytes(tcg::DigestSize(bank), fill);
    }
  }
}

void SoftwareTpm::Extend(AlgorithmId bank, uint32_t pcr, ByteSpan digest) {
  Bytes& value = pcrs_.at(bank).at(pcr);
  value = crypto::Digest(bank, {value, digest});
}

AttestFields SoftwareTpm::PrepareQuote(const tcg::PcrSelection& selection,
                                       ByteSpan qualifying_data) const {
  AttestFields fields;
  fields.signer = ToBytes(crypto::QualifiedNameOfEndorsementPrimary(ak_.Name()).bytes());
  fields.extra_data = ToBytes(qualifying_data);
  fields.clock = clock.clock;
  fields.reset_count = clock.reset_count;
  fields.restart_count = clock.restart_count;
  fields.safe = clock.safe ? 1 : 0;
  fields.firmware_version = firmware_version;
  crypto::Hasher hasher(ak_.key_template().scheme.hash);
  for (const tcg::PcrBank& bank : selection.banks()) {
    Bytes bits(3);
    for (const uint32_t pcr : bank.Indices()) {
      bits[pcr / 8] = static_cast<uint8_t>(bits[pcr / 8] | 1U << (pcr % 8));
      hasher.Update(Pcr(bank.hash, pcr));
    }
    fields.selection.push_back({static_cast<uint16_t>(bank.hash), bits});
  }
  fields.pcr_digest = hasher.Finish();
  return fields;
}

Quote SoftwareTpm::SignAttest(const AttestFields& fields, const tcg::PcrSelection& values) const {
  Quote quote;
  quote.attest = fields.Marshal();
  quote.signature = ak_.Sign(quote.attest);
  for (const tcg::PcrBank& bank : values.banks()) {
    for (const uint32_t pcr : bank.Indices()) {
      quote.pcrs[bank.hash][pcr] = Pcr(bank.hash, pcr);
    }
  }
  return quote;
}

}  // namespace plimsoll::fakes
