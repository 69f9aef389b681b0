#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "evidence/challenge.h"
#include "evidence/evidence.h"
#include "tcg/pcr_selection.h"

// The evidence bundle: all that one appraisal needs, in one JSON document, so that a verdict can be
// made again without a cluster. Kind EvidenceBundle of plimsoll.dev/v1alpha1.
namespace plimsoll::evidence {

struct BundleEndorsement {
  Bytes public_area;                 // TPMT_PUBLIC of the EK
  std::optional<Bytes> certificate;  // DER
  std::vector<Bytes> chain;          // DER; hints, never trusted
};

// Everything around the evidence.
struct BundleFrame {
  std::string node_name;
  std::string node_uid;

  // TPMT_PUBLIC of the AK, or a PEM public key as other tools record it.
  std::variant<Bytes, std::string> attestation_key;
  std::optional<BundleEndorsement> endorsement;

  // The nonce from which the qualifying data is computed; or, for quotes of other tools, the very
  // bytes of the qualifying data.
  std::variant<Nonce, Bytes> expected;
  tcg::PcrSelection selection;
};

// A bundle, decoded in two stages: what is wrong around the evidence makes the file unusable, what
// is wrong in it is wrong evidence. Move-only; not thread-safe.
class BundleDocument {
 public:
  static constexpr size_t kMaxBytes = 24 * 1024 * 1024;  // evidence, its encoding, and the frame

  // Stage one. Fails for what is not JSON, not a bundle, or has a member of the frame that is
  // missing, doubled or unusable; kTooLarge over kMaxBytes.
  static Result<BundleDocument> Parse(std::string_view text);

  BundleDocument(BundleDocument&&) noexcept;
  BundleDocument& operator=(BundleDocument&&) noexcept;
  ~BundleDocument();

  const BundleFrame& frame() const;

  // Stage two, strictly. A statement is required with a nonce, since the nonce alone does not say
  // what was quoted with it. What fails here is the verdict Untrusted/EvidenceMalformed.
  Result<Evidence> DecodeEvidence() const;

 private:
  struct State;
  explicit BundleDocument(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// Indented, for people to look at.
std::string EncodeBundle(const BundleFrame& frame, const Evidence& evidence);

}  // namespace plimsoll::evidence
