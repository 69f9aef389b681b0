// Evidence bundles, as files that someone was sent.

#include <cstdint>

#include "evidence/bundle.h"
#include "fuzz/expect.h"

using plimsoll::fuzz::Expect;
namespace evidence = plimsoll::evidence;

namespace {

bool Same(const std::optional<evidence::BundleEndorsement>& a,
          const std::optional<evidence::BundleEndorsement>& b) {
  if (!a || !b) {
    return a.has_value() == b.has_value();
  }
  return a->public_area == b->public_area && a->certificate == b->certificate &&
         a->chain == b->chain;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bundle = evidence::BundleDocument::Parse(plimsoll::AsText({data, size}));
  if (!bundle) {
    return 0;
  }
  const evidence::BundleFrame& frame = bundle->frame();
  const auto decoded = bundle->DecodeEvidence();
  if (!decoded) {
    return 0;
  }
  Expect(decoded->statement || std::holds_alternative<plimsoll::Bytes>(frame.expected),
         "a nonce alone does not say what was quoted");
  const std::string encoded = evidence::EncodeBundle(frame, *decoded);
  const auto again = evidence::BundleDocument::Parse(encoded);
  Expect(again.has_value(), "bundles survive their encoding");
  Expect(again->frame().node_name == frame.node_name && again->frame().node_uid == frame.node_uid &&
             again->frame().attestation_key == frame.attestation_key &&
             again->frame().expected == frame.expected &&
             again->frame().selection == frame.selection &&
             Same(again->frame().endorsement, frame.endorsement),
         "the frame is read as the same");
  const auto same = again->DecodeEvidence();
  Expect(same && same->attest == decoded->attest && same->signature == decoded->signature &&
             same->pcrs == decoded->pcrs && same->statement == decoded->statement &&
             same->boot_event_log == decoded->boot_event_log && same->ima == decoded->ima,
         "the evidence is read as the same");
  return 0;
}
