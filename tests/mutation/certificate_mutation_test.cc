#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/endorsement_verdict.h"
#include "crypto/vendors/tpm_vendors.h"
#include "fakes/software_ca.h"
#include "fakes/test_data.h"
#include "mutation/covered.h"
#include "mutation/mutator.h"

// Certificates of real and made EKs: accepted only if what the CA signed is whole.
namespace plimsoll::fakes {
namespace {

// Every rule that could refuse a mutant for another reason than its signature is off.
bool IsAccepted(ByteSpan bytes, const crypto::EndorsementRoots& roots) {
  const auto certificate = crypto::EndorsementCertificate::ParseFile(bytes);
  if (!certificate) {
    return false;
  }
  crypto::EndorsementRules rules;
  rules.chain = {.enforce_validity = false, .require_extended_key_usage = false};
  const auto verdict = crypto::VerifyEndorsement(*certificate, {}, roots, rules, CertificateNow());
  return verdict && verdict->accepted;
}

void ExpectAcceptedOnlyIfWhole(const Bytes& good, const crypto::EndorsementRoots& roots,
                               uint64_t seed, double share) {
  ASSERT_TRUE(IsAccepted(good, roots));
  const ByteSpan signed_part = SignedPart(good);
  ASSERT_FALSE(signed_part.empty());
  Mutator mutator(seed);
  for (size_t i = 0; i < Mutants(share); ++i) {
    const Bytes mutant = mutator.Mutate(good);
    if (IsAccepted(mutant, roots)) {
      ASSERT_TRUE(Holds(mutant, signed_part)) << i;
    }
  }
}

TEST(Mutations, E60_NoChangedEndorsementCertificateOfARealTpmIsAccepted) {
  const auto roots = crypto::EndorsementRoots::Create({.bundle = crypto::TpmVendors()}).value();
  uint64_t seed = 10;
  for (const char* name :
       {"st-ecc-p256.der", "st-rsa2048-padded.nv", "nuvoton-rsa-noncanonical.der"}) {
    SCOPED_TRACE(name);
    ExpectAcceptedOnlyIfWhole(ReadTestData(std::string("endorsement/") + name), roots, seed++,
                              0.015);
  }
}

TEST(Mutations, E60_NoChangedEndorsementCertificateOfAMadeTpmIsAccepted) {
  const SoftwareCa ca(CertificateFields::Ca("Mutations"));
  const auto roots = crypto::EndorsementRoots::Create({.anchors = ca.Pem()}).value();
  CertificateFields fields = CertificateFields::Endorsement(tcg::AlgorithmId::kEcc);
  fields.tpm_names = true;
  ExpectAcceptedOnlyIfWhole(ca.Issue(fields, SoftwareKey(KeyTemplate::EkP384())), roots, 20, 0.015);
}

}  // namespace
}  // namespace plimsoll::fakes
