#include "crypto/endorsement_chain.h"

#include <gtest/gtest.h>

#include "fakes/software_ca.h"
#include "fakes/test_data.h"
#include "keys.h"

namespace plimsoll::crypto {
namespace {

using fakes::CertificateFields;
using fakes::CertificateNow;
using fakes::ReadTestData;
using fakes::ReadTestText;
using fakes::SoftwareCa;
using tcg::AlgorithmId;

// A root, an intermediate and an endorsement key of P-256.
class EndorsementChain : public testing::Test {
 protected:
  // The id of the check that refuses the chain, "" when none does.
  static std::string Check(const Bytes& leaf, const std::vector<Bytes>& offered,
                           const EndorsementRoots& roots, WallTime now = CertificateNow(),
                           ChainOptions options = {}) {
    const auto certificate = EndorsementCertificate::Parse(leaf);
    EXPECT_TRUE(certificate) << (certificate ? "" : certificate.error().message);
    const auto rejection = VerifyEndorsementChain(*certificate, offered, roots, now, options);
    EXPECT_TRUE(rejection) << (rejection ? "" : rejection.error().message);
    return *rejection ? std::string((*rejection)->check) : "";
  }

  // The same for a leaf by the intermediate, which is offered.
  std::string CheckLeaf(const CertificateFields& fields, ChainOptions options = {},
                        WallTime now = CertificateNow()) const {
    return Check(intermediate_.Issue(fields, P256()), {intermediate_.der()}, roots_, now, options);
  }

  static EndorsementRoots RootsOf(const std::string& pem) {
    return EndorsementRoots::FromPem(pem).value();
  }

  const SoftwareCa root_{CertificateFields::Ca("root")};
  const SoftwareCa intermediate_{CertificateFields::Ca("intermediate"), root_};
  const EndorsementRoots roots_ = RootsOf(root_.Pem());
  const CertificateFields good_ = CertificateFields::Endorsement(AlgorithmId::kEcc);
};

TEST_F(EndorsementChain, C2_VerifiesRealCertificatesAsTheyAre) {
  const auto roots = EndorsementRoots::FromPem(ReadTestText("endorsement/roots.pem"),
                                               ReadTestText("endorsement/intermediates.pem"));
  ASSERT_TRUE(roots) << roots.error().message;
  EXPECT_EQ(roots->anchor_count(), 3U);
  for (const char* name : {"endorsement/st-ecc-p256.der", "endorsement/st-rsa2048-padded.nv",
                           "endorsement/nuvoton-rsa-noncanonical.der"}) {
    EXPECT_EQ(Check(ReadTestData(name), {}, *roots), "") << name;
  }
  const auto without = EndorsementRoots::FromPem(ReadTestText("endorsement/roots.pem")).value();
  EXPECT_EQ(Check(ReadTestData("endorsement/st-ecc-p256.der"), {}, without), "C3");
}

TEST_F(EndorsementChain, C3_NeedsThePathToAnAnchor) {
  const Bytes leaf = intermediate_.Issue(good_, P256());
  EXPECT_EQ(Check(leaf, {intermediate_.der()}, roots_), "");
  EXPECT_EQ(Check(leaf, {}, roots_), "C3");
  const auto with_hint = EndorsementRoots::FromPem(root_.Pem(), intermediate_.Pem()).value();
  EXPECT_EQ(Check(leaf, {}, with_hint), "");
}

TEST_F(EndorsementChain, C3_TakesNoRootFromTheAgent) {
  const SoftwareCa foreign(CertificateFields::Ca("root"));
  const Bytes leaf = foreign.Issue(good_, P256());
  EXPECT_EQ(Check(leaf, {foreign.der()}, roots_), "C3");
  EXPECT_EQ(Check(leaf, {}, roots_), "C3");
  // Nor from what is configured as a mere help.
  const auto helped = EndorsementRoots::FromPem(root_.Pem(), foreign.Pem()).value();
  EXPECT_EQ(Check(leaf, {}, helped), "C3");
}

TEST_F(EndorsementChain, C3_AConfiguredIntermediateIsAnAnchor) {
  const EndorsementRoots roots = RootsOf(intermediate_.Pem());
  EXPECT_EQ(Check(intermediate_.Issue(good_, P256()), {}, roots), "");
  EXPECT_EQ(Check(root_.Issue(good_, P256()), {root_.der()}, roots), "C3");
}

TEST_F(EndorsementChain, C3_BoundsWhatIsOffered) {
  const Bytes leaf = intermediate_.Issue(good_, P256());
  EXPECT_EQ(Check(leaf, std::vector<Bytes>(8, intermediate_.der()), roots_), "");
  EXPECT_EQ(Check(leaf, std::vector<Bytes>(9, intermediate_.der()), roots_), "C3");
  EXPECT_EQ(Check(leaf, {intermediate_.der(), Bytes{1, 2, 3}}, roots_), "C3");
  Bytes tail = intermediate_.der();
  tail.push_back(0);
  EXPECT_EQ(Check(leaf, {tail}, roots_), "C3");
}

TEST_F(EndorsementChain, C3_AChangedCertificateDoesNotVerify) {
  Bytes leaf = intermediate_.Issue(good_, P256());
  leaf.back() ^= 1;
  EXPECT_EQ(Check(leaf, {intermediate_.der()}, roots_), "C3");
}

TEST_F(EndorsementChain, C5_TakesNoCaForAnEndorsementKey) {
  EXPECT_EQ(Check(intermediate_.der(), {}, roots_), "C5");
  CertificateFields fields = good_;
  EXPECT_EQ(CheckLeaf(fields.Set("basicConstraints", "critical,CA:TRUE")), "C5");
}

TEST_F(EndorsementChain, C5_DemandsTheKeyUsageOfTheKey) {
  CertificateFields fields = good_;
  EXPECT_EQ(CheckLeaf(fields.Set("keyUsage", "critical,digitalSignature")), "C5");
  EXPECT_EQ(CheckLeaf(fields.Set("keyUsage", "critical,keyEncipherment")), "C5");
  EXPECT_EQ(CheckLeaf(fields.Set("keyUsage", "")), "C5");
  EXPECT_EQ(CheckLeaf(fields.Set("keyUsage", "keyAgreement")), "");
  const Bytes rsa =
      intermediate_.Issue(CertificateFields::Endorsement(AlgorithmId::kRsa), Rsa2048());
  EXPECT_EQ(Check(rsa, {intermediate_.der()}, roots_), "");
  CertificateFields oaep = CertificateFields::Endorsement(AlgorithmId::kRsa);
  oaep.rsaes_oaep = true;
  Bytes old = intermediate_.Issue(oaep, Rsa2048());
  EXPECT_EQ(Check(old, {intermediate_.der()}, roots_), "");
  old.back() ^= 1;
  EXPECT_EQ(Check(old, {intermediate_.der()}, roots_), "C3");
}

TEST_F(EndorsementChain, C5_DemandsTheExtendedKeyUsage) {
  CertificateFields fields = good_;
  fields.Set("extendedKeyUsage", "");
  EXPECT_EQ(CheckLeaf(fields), "C5");
  EXPECT_EQ(CheckLeaf(fields, {.require_extended_key_usage = false}), "");
  // One that is there must be the right one, required or not: an AK's certificate has 2.23.133.8.3.
  fields.Set("extendedKeyUsage", "2.23.133.8.3");
  EXPECT_EQ(CheckLeaf(fields), "C5");
  EXPECT_EQ(CheckLeaf(fields, {.require_extended_key_usage = false}), "C5");
  EXPECT_EQ(CheckLeaf(fields.Set("extendedKeyUsage", "serverAuth")), "C5");
  EXPECT_EQ(CheckLeaf(fields.Set("extendedKeyUsage", "anyExtendedKeyUsage")), "C5");
  EXPECT_EQ(CheckLeaf(fields.Set("extendedKeyUsage", "serverAuth,2.23.133.8.1")), "");
}

TEST_F(EndorsementChain, C5_TakesNoLeafForACa) {
  CertificateFields plain = CertificateFields::Ca("not a CA");
  plain.Set("basicConstraints", "critical,CA:FALSE");
  const SoftwareCa pretender(plain, root_);
  EXPECT_EQ(Check(pretender.Issue(good_, P256()), {pretender.der()}, roots_), "C5");
  CertificateFields no_signing = CertificateFields::Ca("no signing");
  no_signing.Set("keyUsage", "critical,digitalSignature");
  const SoftwareCa mute(no_signing, root_);
  EXPECT_NE(Check(mute.Issue(good_, P256()), {mute.der()}, roots_), "");
}

TEST_F(EndorsementChain, C5_HonoursPathLengths) {
  CertificateFields short_path = CertificateFields::Ca("short");
  short_path.Set("basicConstraints", "critical,CA:TRUE,pathlen:0");
  const SoftwareCa first(short_path, root_);
  const SoftwareCa second(CertificateFields::Ca("second"), first);
  EXPECT_EQ(Check(first.Issue(good_, P256()), {first.der()}, roots_), "");
  EXPECT_EQ(Check(second.Issue(good_, P256()), {second.der(), first.der()}, roots_), "C5");
}

TEST_F(EndorsementChain, C7_RefusesCriticalExtensionsThatItDoesNotUnderstand) {
  CertificateFields fields = good_;
  EXPECT_EQ(CheckLeaf(fields.Set("1.2.3.4.5", "critical,DER:0500")), "C7");
  EXPECT_EQ(CheckLeaf(fields.Set("1.2.3.4.5", "DER:0500")), "");
  // subjectDirectoryAttributes: which specification the TPM follows.
  fields = good_;
  fields.Set("2.5.29.9", "critical,DER:3000");
  EXPECT_EQ(CheckLeaf(fields), "");
  EXPECT_EQ(CheckLeaf(fields.Set("1.2.3.4.5", "critical,DER:0500")), "C7");
  CertificateFields strange = CertificateFields::Ca("strange");
  strange.Set("1.2.3.4.5", "critical,DER:0500");
  const SoftwareCa ca(strange, root_);
  EXPECT_EQ(Check(ca.Issue(good_, P256()), {ca.der()}, roots_), "C7");
}

TEST_F(EndorsementChain, C8_HoldsValidityUnlessToldOtherwise) {
  using std::chrono::hours;
  const ChainOptions ignore{.enforce_validity = false};
  CertificateFields expired = good_;
  expired.not_after_days = 10;
  EXPECT_EQ(CheckLeaf(expired), "C8");
  EXPECT_EQ(CheckLeaf(expired, ignore), "");
  EXPECT_EQ(CheckLeaf(good_, {}, CertificateNow() - hours(24 * 400)), "C8");
  EXPECT_EQ(CheckLeaf(good_, {}, CertificateNow() + hours(24 * 4000)), "C8");
  EXPECT_EQ(CheckLeaf(good_, ignore, CertificateNow() + hours(24 * 4000)), "");
  CertificateFields forever = good_;
  forever.not_after = "99991231235959Z";
  EXPECT_EQ(CheckLeaf(forever), "");
}

TEST_F(EndorsementChain, C9_TakesUnusualSerialNumbers) {
  for (const char* serial :
       {"0", "-5", "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c"}) {
    CertificateFields fields = good_;
    fields.serial_hex = serial;
    EXPECT_EQ(CheckLeaf(fields), "") << serial;
  }
}

TEST(EndorsementRoots, AreCertificatesOfCasAndNothingElse) {
  const SoftwareCa root(CertificateFields::Ca("root"));
  EXPECT_EQ(EndorsementRoots::FromPem("").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(EndorsementRoots::FromPem("text only").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(EndorsementRoots::FromPem("", root.Pem()).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(EndorsementRoots::FromPem("# a comment\n" + root.Pem() + "more text\n"));
  EXPECT_EQ(EndorsementRoots::FromPem(root.Pem() + root.Pem()).value().anchor_count(), 2U);

  CertificateFields plain = CertificateFields::Ca("leaf");
  plain.Set("basicConstraints", "critical,CA:FALSE").Set("keyUsage", "critical,keyAgreement");
  const std::string pem = root.Pem();
  std::string damaged = pem;
  damaged[100] = '!';
  for (const std::string& bad :
       {SoftwareCa(plain).Pem(), damaged, pem.substr(0, pem.size() / 2), pem + pem.substr(0, 300),
        pem + P256().Pem(), pem + "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(EndorsementRoots::FromPem(bad).error().code, ErrorCode::kMalformed) << bad;
  }
  EXPECT_EQ(EndorsementRoots::FromPem(pem, damaged).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(
      EndorsementRoots::FromPem(std::string(EndorsementRoots::kMaxPemBytes + 1, ' ')).error().code,
      ErrorCode::kTooLarge);
}

TEST(EndorsementRoots, KnowWhenTheFirstOfThemEnds) {
  CertificateFields soon = CertificateFields::Ca("soon");
  soon.not_after_days = 31;
  const auto roots = EndorsementRoots::FromPem(SoftwareCa(CertificateFields::Ca("root")).Pem() +
                                               SoftwareCa(soon).Pem())
                         .value();
  EXPECT_EQ(FormatCertificateTime(roots.earliest_expiry()), "2026-02-01T00:00:00Z");
}

}  // namespace
}  // namespace plimsoll::crypto
