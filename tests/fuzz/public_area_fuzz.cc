// TPMT_PUBLIC and TPM2B_PUBLIC: keys as agents send them, and all that is made of them.

#include <cstdint>

#include "crypto/attestation_key.h"
#include "crypto/endorsement_key.h"
#include "crypto/names.h"
#include "crypto/verification_key.h"
#include "fuzz/expect.h"
#include "tcg/public_area.h"
#include "tcg/writer.h"

using plimsoll::Bytes;
using plimsoll::ByteSpan;
using plimsoll::fuzz::Expect;
namespace crypto = plimsoll::crypto;
namespace tcg = plimsoll::tcg;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (const auto sized = tcg::PublicArea::ParseSized(input)) {
    Expect(sized->bytes().size() + 2 == size, "the size of a TPM2B_PUBLIC is exact");
  }
  const auto area = tcg::PublicArea::Parse(input);
  if (!area) {
    return 0;
  }
  Expect(plimsoll::ToBytes(area->bytes()) == plimsoll::ToBytes(input),
         "keeps what the Name is over");
  Expect((area->rsa() != nullptr) != (area->ecc() != nullptr), "is of exactly one type");
  Expect(!tcg::PublicArea::Parse(input.first(size - 1)), "refuses a cut area");
  Bytes longer = plimsoll::ToBytes(input);
  longer.push_back(0);
  Expect(!tcg::PublicArea::Parse(longer), "refuses a byte behind an area");
  tcg::Writer writer;
  writer.Sized(input);
  const auto again = tcg::PublicArea::ParseSized(writer.bytes());
  Expect(again && *again == *area, "survives its sized form");

  (void)crypto::ComputeName(*area);
  (void)crypto::ProfileOf(*area);
  const auto key = crypto::VerificationKey::FromPublicArea(*area);
  if (key && area->rsa() != nullptr) {
    Expect(area->rsa()->modulus.size() >= 256 && area->rsa()->modulus.size() <= 512,
           "a key has 2048 to 4096 bits (S3)");
  }
  if (!crypto::CheckAttestationKey(*area)) {
    const tcg::ObjectAttributes attributes = area->attributes();
    Expect(attributes.fixed_tpm() && attributes.restricted() && attributes.sign_encrypt() &&
               !attributes.decrypt(),
           "an AK cannot sign what its TPM did not make (K1)");
  }
  if (crypto::CheckEndorsementKey(*area)) {  // rejected
    return 0;
  }
  Expect(area->attributes().decrypt(), "an EK decrypts");
  (void)crypto::EndorsementKeySha256(*area);
  return 0;
}
