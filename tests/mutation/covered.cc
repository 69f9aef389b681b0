#include "mutation/covered.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

namespace plimsoll::fakes {
namespace {

// The header and contents of the DER element at the start, as long as it is one of two length
// bytes, which the certificates of TPMs are.
std::optional<size_t> SizeOfElement(ByteSpan der) {
  if (der.size() < 4 || der[0] != 0x30 || der[1] != 0x82) {
    return std::nullopt;
  }
  const size_t size = 4 + (static_cast<size_t>(der[2]) << 8U) + der[3];
  return size <= der.size() ? std::optional(size) : std::nullopt;
}

std::vector<evidence::PcrValue> Sorted(std::vector<evidence::PcrValue> values) {
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return std::tie(a.bank, a.index, a.digest) < std::tie(b.bank, b.index, b.digest);
  });
  return values;
}

bool SameIdentity(const std::optional<evidence::BundleEndorsement>& a,
                  const std::optional<evidence::BundleEndorsement>& b) {
  if (!a || !b) {
    return true;
  }
  if (a->public_area != b->public_area || !a->certificate || !b->certificate) {
    return false;
  }
  return Holds(*b->certificate, SignedPart(*a->certificate)) ||
         Holds(*a->certificate, SignedPart(*b->certificate));
}

}  // namespace

ByteSpan SignedPart(ByteSpan der) {
  if (!SizeOfElement(der)) {
    return {};
  }
  const ByteSpan inner = der.subspan(4);
  const auto size = SizeOfElement(inner);
  return size ? inner.first(*size) : ByteSpan();
}

bool Holds(ByteSpan bytes, ByteSpan part) {
  return !part.empty() &&
         std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end();
}

bool SameCoveredParts(const evidence::BundleDocument& a, const evidence::BundleDocument& b) {
  const evidence::BundleFrame& frame_a = a.frame();
  const evidence::BundleFrame& frame_b = b.frame();
  if (frame_a.node_uid != frame_b.node_uid || frame_a.attestation_key != frame_b.attestation_key ||
      frame_a.expected != frame_b.expected || !(frame_a.selection == frame_b.selection) ||
      !SameIdentity(frame_a.endorsement, frame_b.endorsement)) {
    return false;
  }
  const auto mine = a.DecodeEvidence();
  const auto other = b.DecodeEvidence();
  return mine && other && mine->attest == other->attest && mine->statement == other->statement &&
         Sorted(mine->pcrs) == Sorted(other->pcrs) &&
         mine->boot_event_log == other->boot_event_log && mine->ima == other->ima;
}

}  // namespace plimsoll::fakes
