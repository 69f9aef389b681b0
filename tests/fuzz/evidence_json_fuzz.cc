// Bodies of POST /v1/evidence, and the statements in them.

#include <cstdint>

#include "evidence/evidence.h"
#include "evidence/limits.h"
#include "evidence/statement.h"
#include "fuzz/expect.h"

using plimsoll::fuzz::Expect;
namespace evidence = plimsoll::evidence;

namespace {

void ExpectBounded(const evidence::Evidence& decoded) {
  Expect(decoded.attest.size() <= evidence::kMaxAttestBytes, "the attest is bounded");
  Expect(decoded.signature.size() <= evidence::kMaxSignatureBytes, "the signature is bounded");
  Expect(decoded.pcrs.size() <= evidence::kMaxPcrValues, "there are only so many PCRs");
  for (const evidence::PcrValue& value : decoded.pcrs) {
    Expect(value.index <= evidence::kMaxPcrIndex &&
               value.digest.size() == plimsoll::tcg::DigestSize(value.bank),
           "every PCR value is one of its bank");
  }
}

void ExpectSame(const evidence::Evidence& a, const evidence::Evidence& b) {
  Expect(a.attest == b.attest && a.signature == b.signature && a.pcrs == b.pcrs &&
             a.statement == b.statement && a.boot_event_log == b.boot_event_log && a.ima == b.ima,
         "what was written again is read as the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = plimsoll::AsText({data, size});
  if (const auto statement = evidence::DecodeStatement({data, size})) {
    const std::string encoded = evidence::Encode(*statement);
    const auto again = evidence::DecodeStatement(plimsoll::AsBytes(encoded));
    Expect(again && evidence::Encode(*again) == encoded, "statements survive their encoding");
  }
  const auto document = evidence::EvidenceDocument::Parse(text);
  if (!document) {
    return 0;
  }
  Expect(!document->challenge().empty() && document->challenge().size() <= evidence::kMaxIdBytes,
         "a challenge id of bounded length");
  const auto decoded = document->Decode();
  if (!decoded) {
    return 0;
  }
  Expect(decoded->statement.has_value(), "on the wire there is a statement");
  ExpectBounded(*decoded);
  const std::string encoded = evidence::EncodeEvidence(document->challenge(), *decoded);
  const auto again = evidence::EvidenceDocument::Parse(encoded);
  Expect(again && again->challenge() == document->challenge(), "the challenge survives");
  const auto same = again->Decode();
  Expect(same.has_value(), "evidence survives its encoding");
  ExpectSame(*decoded, *same);
  return 0;
}
