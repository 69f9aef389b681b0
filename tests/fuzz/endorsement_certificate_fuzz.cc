// EK certificates as agents send them: whatever they say, against the built-in bundle at a fixed
// time, with every rule that looks into a certificate.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "crypto/endorsement_verdict.h"
#include "crypto/vendors/tpm_vendors.h"

namespace {

using plimsoll::Bytes;
using plimsoll::ByteSpan;
namespace crypto = plimsoll::crypto;

constexpr plimsoll::WallTime kNow{std::chrono::seconds{1795521600}};  // 2026-11-24T12:00:00Z

const crypto::EndorsementRoots& Roots() {
  static const crypto::EndorsementRoots roots =
      crypto::EndorsementRoots::Create({.bundle = crypto::TpmVendors()}).value();
  return roots;
}

crypto::EndorsementRules Rules(bool strict) {
  crypto::EndorsementRules rules;
  rules.chain = {.enforce_validity = strict, .require_extended_key_usage = strict};
  rules.denied = crypto::RocaDenials();
  return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const crypto::EndorsementRules strict = Rules(true);
  static const crypto::EndorsementRules lax = Rules(false);
  const ByteSpan input(data, size);
  (void)crypto::RevocationLists::Parse(input);
  const auto certificate = crypto::EndorsementCertificate::ParseFile(input);
  if (!certificate) {
    return 0;
  }
  const std::vector<Bytes> offered = {plimsoll::ToBytes(certificate->der())};
  const auto first = crypto::VerifyEndorsement(*certificate, {}, Roots(), strict, kNow);
  const auto second = crypto::VerifyEndorsement(*certificate, offered, Roots(), lax, kNow);
  // What the certificate itself offers cannot help it, and what holds strictly holds at all.
  if (first && second && first->accepted && !second->accepted) {
    std::abort();
  }
  return 0;
}
