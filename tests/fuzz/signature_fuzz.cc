// TPMT_SIGNATURE, and its check by keys of each kind over a message that one of them has signed.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "crypto/verification_key.h"
#include "fuzz/expect.h"
#include "fuzz/files.h"
#include "tcg/signature.h"

using plimsoll::Bytes;
using plimsoll::ByteSpan;
using plimsoll::fuzz::Expect;
using plimsoll::fuzz::SourceFile;
namespace crypto = plimsoll::crypto;
namespace tcg = plimsoll::tcg;

namespace {

// A genuine quote, the key that signed it and one that did not.
struct Recording {
  std::string message = SourceFile("tests/data/probes/n0");
  std::string signature_bytes = SourceFile("tests/data/probes/n0.sig");
  tcg::Signature signature = tcg::Signature::Parse(plimsoll::AsBytes(signature_bytes)).value();
  crypto::VerificationKey key =
      crypto::VerificationKey::FromPem(SourceFile("tests/data/probes/ak.pem")).value();
  crypto::VerificationKey other =
      crypto::VerificationKey::FromPem(SourceFile("tests/data/probes/un.pem")).value();
};

ByteSpan WithoutZeros(ByteSpan number) {
  return number.subspan(static_cast<size_t>(
      std::find_if(number.begin(), number.end(), [](uint8_t byte) { return byte != 0; }) -
      number.begin()));
}

bool SameNumber(ByteSpan a, ByteSpan b) {
  return std::ranges::equal(WithoutZeros(a), WithoutZeros(b));
}

bool IsValid(const crypto::VerificationKey& key, const tcg::Signature& signature,
             std::string_view message) {
  const auto check = key.Verify(signature, plimsoll::AsBytes(message));
  return check && *check == crypto::SignatureCheck::kValid;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Recording recording;
  const ByteSpan input(data, size);
  const auto signature = tcg::Signature::Parse(input);
  if (!signature) {
    return 0;
  }
  Expect((signature->rsa() != nullptr) != (signature->ecdsa() != nullptr),
         "is of exactly one type");
  Expect(!tcg::Signature::Parse(input.first(size - 1)), "refuses a cut signature");
  Bytes longer = plimsoll::ToBytes(input);
  longer.push_back(0);
  Expect(!tcg::Signature::Parse(longer), "refuses a byte behind a signature");

  Expect(!IsValid(recording.other, *signature, recording.message), "another key signed nothing");
  if (IsValid(recording.key, *signature, recording.message)) {
    // The twin (r, n-s) is valid too, and leading zeros are nothing (S5, S6).
    Expect(signature->ecdsa() != nullptr &&
               SameNumber(signature->ecdsa()->r, recording.signature.ecdsa()->r),
           "only the TPM's own signature is valid");
  }
  return 0;
}
