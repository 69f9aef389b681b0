// TPMS_ATTEST: what a TPM signs, or an attacker says that it signed.

#include <cstdint>

#include "fuzz/expect.h"
#include "tcg/attest.h"

using plimsoll::Bytes;
using plimsoll::ByteSpan;
using plimsoll::fuzz::Expect;
namespace tcg = plimsoll::tcg;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  const auto attest = tcg::Attest::Parse(input);
  if (!attest) {
    return 0;
  }
  Expect(plimsoll::ToBytes(attest->bytes()) == plimsoll::ToBytes(input), "keeps what was signed");
  Expect(attest->signer().bytes().size() <= tcg::kMaxNameBytes, "a signer of bounded length");
  if (attest->type() != tcg::kAttestQuote) {
    Expect(attest->selection().banks().empty(), "only quotes select PCRs");
    return 0;
  }

  // A quote is consumed exactly: no shorter and no longer one reads as well (Q1).
  Expect(!tcg::Attest::Parse(input.first(size - 1)), "refuses a cut quote");
  Bytes longer = plimsoll::ToBytes(input);
  longer.push_back(0);
  Expect(!tcg::Attest::Parse(longer), "refuses a byte behind a quote");

  // The selection survives both of its other forms.
  const tcg::PcrSelection& selection = attest->selection();
  Expect(selection.banks().size() <= tcg::PcrSelection::kMaxBanks, "a bounded number of banks");
  const auto from_text = tcg::PcrSelection::FromText(selection.ToText());
  Expect(from_text && *from_text == selection, "selections survive their text");
  tcg::Writer writer;
  selection.Marshal(writer);
  tcg::Reader reader(writer.bytes());
  const auto parsed = tcg::PcrSelection::Parse(reader);
  Expect(parsed && *parsed == selection, "selections survive their bytes");
  return 0;
}
