#include "crypto/endorsement_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/vendors/tpm_vendors.h"
#include "fakes/software_ca.h"
#include "fakes/test_data.h"
#include "keys.h"
#include "listening_socket.h"
#include "roca_modulus.h"

namespace plimsoll::crypto {
namespace {

using fakes::CertificateFields;
using fakes::CertificateNow;
using fakes::PemBlock;
using fakes::ReadTestData;
using fakes::ReadTestText;
using fakes::SoftwareCa;
using tcg::AlgorithmId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Verdicts : public testing::Test {
 protected:
  EndorsementVerdict Judge(const CertificateFields& fields, const EndorsementRules& rules = {},
                           const fakes::SoftwareKey& key = P256()) const {
    return JudgeFile(intermediate_.Issue(fields, key), rules);
  }

  EndorsementVerdict JudgeFile(ByteSpan file, const EndorsementRules& rules = {}) const {
    auto verdict = VerifyEndorsement(file, {intermediate_.der()}, roots_, rules, CertificateNow());
    EXPECT_TRUE(verdict) << verdict.error().message;
    return *std::move(verdict);
  }

  static EndorsementRules Denying(EndorsementDenial::Fields fields) {
    EndorsementRules rules;
    rules.denied.push_back(EndorsementDenial::Create(std::move(fields)).value());
    return rules;
  }

  const SoftwareCa root_{CertificateFields::Ca("root")};
  const SoftwareCa intermediate_{CertificateFields::Ca("intermediate"), root_};
  const EndorsementRoots roots_ = EndorsementRoots::FromPem(root_.Pem()).value();
  const CertificateFields good_ = CertificateFields::Endorsement(AlgorithmId::kEcc);
};

TEST_F(Verdicts, SayWhatTheCertificateSaysAndWhoAnswersForIt) {
  const EndorsementVerdict verdict = Judge(good_);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(verdict.check, "");
  EXPECT_EQ(verdict.reason, "a genuine TPM of Infineon by the word of CN=root");
  EXPECT_EQ(verdict.manufacturer, "IFX");
  EXPECT_EQ(verdict.model, "SLB 9672");
  EXPECT_EQ(verdict.version, "id:0F17");
  EXPECT_EQ(verdict.firmware, "15.23");
  EXPECT_EQ(verdict.key_type, "P-256");
  EXPECT_EQ(FormatCertificateTime(verdict.not_after), "2035-12-30T00:00:00Z");
  EXPECT_THAT(verdict.chain, ElementsAre("CN=intermediate", "CN=root"));
}

TEST_F(Verdicts, NameEveryKindOfKey) {
  EXPECT_EQ(Judge(good_, {}, P384()).key_type, "P-384");
  EXPECT_TRUE(Judge(good_, {}, P384()).accepted);
  const auto rsa = CertificateFields::Endorsement(AlgorithmId::kRsa);
  EXPECT_EQ(Judge(rsa, {}, Rsa2048()).key_type, "RSA-2048");
  EXPECT_TRUE(Judge(rsa, {}, Rsa2048()).accepted);
}

TEST_F(Verdicts, C1_AreGivenOnFilesInDerPaddedDerAndPem) {
  Bytes der = intermediate_.Issue(good_, P256());
  EXPECT_TRUE(JudgeFile(der).accepted);
  const std::string pem = PemBlock("CERTIFICATE", der);
  EXPECT_TRUE(JudgeFile(AsBytes(pem)).accepted);
  EXPECT_TRUE(JudgeFile(AsBytes("subject=TPM\n" + pem + "\n")).accepted);
  for (const uint8_t padding : {uint8_t{0x00}, uint8_t{0xFF}}) {
    Bytes padded = der;
    padded.resize(der.size() + 400, padding);
    EXPECT_TRUE(JudgeFile(padded).accepted);
    padded[der.size() + 200] = 0x41;
    EXPECT_EQ(JudgeFile(padded).check, "C1");
    EXPECT_THAT(JudgeFile(padded).reason,
                HasSubstr("400 bytes behind its end that are no padding"));
  }
}

TEST_F(Verdicts, C1_RefuseWhatCannotBeReadWithoutAnyName) {
  for (const std::string& file :
       {std::string(), std::string("hello"), std::string(70000, '-'),
        std::string("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), P256().Pem(),
        "-----BEGIN CERTIFICATE-----" + std::string(70000, 'A')}) {
    const EndorsementVerdict verdict = JudgeFile(AsBytes(file));
    EXPECT_FALSE(verdict.accepted);
    EXPECT_EQ(verdict.check, "C1");
    EXPECT_THAT(verdict.reason, HasSubstr("EK certificate"));
    EXPECT_EQ(verdict.manufacturer, "");
    EXPECT_THAT(verdict.chain, IsEmpty());
  }
}

TEST_F(Verdicts, C3_ConnectToNobodyForACertificateThatIsMissing) {
  const ListeningSocket socket;
  CertificateFields fields = good_;
  const std::string url = "http://127.0.0.1:" + std::to_string(socket.port()) + "/ca.der";
  fields.Set("authorityInfoAccess", "caIssuers;URI:" + url);
  fields.Set("crlDistributionPoints", "URI:" + url);
  const auto verdict =
      VerifyEndorsement(intermediate_.Issue(fields, P256()), {}, roots_, {}, CertificateNow())
          .value();
  EXPECT_EQ(verdict.check, "C3");
  EXPECT_THAT(verdict.reason, HasSubstr("the issuer of the EK certificate, CN=intermediate"));
  EXPECT_FALSE(socket.WasReached());
}

TEST_F(Verdicts, E18_C3_SayThatARootIsTheAttackersOwn) {
  const SoftwareCa foreign(CertificateFields::Ca("mine"));
  const auto verdict =
      VerifyEndorsement(foreign.Issue(good_, P256()), {foreign.der()}, roots_, {}, CertificateNow())
          .value();
  EXPECT_EQ(verdict.check, "C3");
  EXPECT_EQ(verdict.reason,
            "the CA certificate of CN=mine is self-signed and none of the accepted roots");
}

TEST_F(Verdicts, E18_C3_AreNotFooledByTheNameOfARoot) {
  const SoftwareCa impostor(CertificateFields::Ca("root"));
  for (const auto& offered : {std::vector<Bytes>{}, {impostor.der()}, {root_.der()}}) {
    const auto verdict =
        VerifyEndorsement(impostor.Issue(good_, P256()), offered, roots_, {}, CertificateNow())
            .value();
    EXPECT_EQ(verdict.check, "C3");
  }
  EXPECT_EQ(VerifyEndorsement(impostor.Issue(good_, P256()), {}, roots_, {}, CertificateNow())
                .value()
                .reason,
            "the signature on the EK certificate is by none of the certificates of CN=root");
}

TEST_F(Verdicts, C3_FindTheRightOneOfSeveralKeysOfOneName) {
  // As a vendor has them: one name, no key identifiers, an RSA and an EC key and renewals.
  const SoftwareCa first(CertificateFields::Ca("root"));
  const SoftwareCa second(CertificateFields::Ca("root"));
  const auto roots = EndorsementRoots::FromPem(first.Pem() + root_.Pem() + second.Pem()).value();
  for (const SoftwareCa* ca : {&first, &root_, &second}) {
    EXPECT_TRUE(
        VerifyEndorsement(ca->Issue(good_, P256()), {}, roots, {}, CertificateNow())->accepted);
  }
}

TEST_F(Verdicts, C3_BoundTheSignaturesThatAreTried) {
  std::string many;
  for (int i = 0; i < 65; ++i) {
    many += SoftwareCa(CertificateFields::Ca("intermediate")).Pem();
  }
  const auto roots = EndorsementRoots::FromPem(root_.Pem(), many).value();
  const auto verdict =
      VerifyEndorsement(intermediate_.Issue(good_, P256()), {}, roots, {}, CertificateNow())
          .value();
  EXPECT_EQ(verdict.check, "C3");
  EXPECT_THAT(verdict.reason, HasSubstr("too many certificates"));
}

TEST_F(Verdicts, C4_AreAboutTheCertificateWhoseKeyIsUsed) {
  const SoftwareCa foreign(CertificateFields::Ca("mine"));
  const Bytes theirs = foreign.Issue(good_, P384());
  const Bytes genuine = intermediate_.Issue(good_, P256());
  const auto judge = [&](const Bytes& leaf, const std::vector<Bytes>& offered) {
    return VerifyEndorsement(leaf, offered, roots_, {}, CertificateNow()).value();
  };
  EXPECT_FALSE(judge(theirs, {genuine, intermediate_.der()}).accepted);
  EXPECT_FALSE(judge(theirs, {intermediate_.der(), genuine}).accepted);
  EXPECT_EQ(judge(genuine, {theirs, intermediate_.der()}).key_type, "P-256");
  EXPECT_EQ(EndorsementCertificate::Parse(genuine)->IsFor(
                P384().With(fakes::KeyTemplate::EkP384()).Public()),
            false);
  // Nor is it left to chance which certificate of a file is meant.
  for (const auto& [one, other] : {std::pair{genuine, theirs}, std::pair{theirs, genuine}}) {
    const auto verdict =
        JudgeFile(AsBytes(PemBlock("CERTIFICATE", one) + PemBlock("CERTIFICATE", other)));
    EXPECT_EQ(verdict.check, "C1");
    EXPECT_THAT(verdict.reason, HasSubstr("2 certificates"));
  }
}

TEST_F(Verdicts, C8_SayWhichCertificateExpiredAndWhen) {
  CertificateFields expired = good_;
  expired.not_after_days = 10;
  EXPECT_EQ(Judge(expired).reason, "the EK certificate expired 2026-01-11T00:00:00Z");
  CertificateFields early = good_;
  early.not_before_days = 365;
  EXPECT_EQ(Judge(early).reason, "the EK certificate is valid only from 2027-01-01T00:00:00Z");
  EXPECT_EQ(Judge(early).check, "C8");
  CertificateFields fields = CertificateFields::Ca("old");
  fields.not_after_days = 20;
  const SoftwareCa old(fields, root_);
  EXPECT_EQ(VerifyEndorsement(old.Issue(good_, P256()), {old.der()}, roots_, {}, CertificateNow())
                ->reason,
            "the CA certificate of CN=old expired 2026-01-21T00:00:00Z");
}

TEST_F(Verdicts, C11_HoldToAllowedManufacturers) {
  EndorsementRules rules;
  rules.allowed_manufacturers = {"STM", "IFX"};
  EXPECT_TRUE(Judge(good_, rules).accepted);
  rules.allowed_manufacturers = {"STM"};
  EXPECT_EQ(Judge(good_, rules).check, "C11");
  EXPECT_EQ(Judge(good_, rules).reason, "manufacturer IFX is not allowed");
  CertificateFields nameless = good_;
  nameless.tpm_names = false;
  EXPECT_THAT(Judge(nameless, rules).reason, HasSubstr("names no manufacturer"));
  EXPECT_TRUE(Judge(nameless).accepted);
}

TEST_F(Verdicts, C11_HoldToDenials) {
  const EndorsementRules rules =
      Denying({.manufacturer = "IFX", .firmware_to = "15.23", .reason = "recalled"});
  EXPECT_EQ(Judge(good_, rules).check, "C11");
  EXPECT_EQ(Judge(good_, rules).reason,
            "TPMs of IFX, model SLB 9672, firmware 15.23 (id:0F17) are denied: recalled");
  CertificateFields newer = good_;
  newer.names.version = "id:0F18";
  EXPECT_TRUE(Judge(newer, rules).accepted);
  newer.names.version = "id:13";
  EXPECT_EQ(Judge(newer, rules).check, "C11");
}

TEST_F(Verdicts, C11_AnAttackersNamesDecideNothing) {
  // Names are looked at only after somebody trusted has answered for them.
  const SoftwareCa foreign(CertificateFields::Ca("mine"));
  EndorsementRules rules = Denying({.manufacturer = "IFX"});
  EXPECT_EQ(
      VerifyEndorsement(foreign.Issue(good_, P256()), {}, roots_, rules, CertificateNow())->check,
      "C3");
}

TEST_F(Verdicts, C14_TakeAnRsaesOaepKeyAndItsSignature) {
  CertificateFields fields = CertificateFields::Endorsement(AlgorithmId::kRsa);
  fields.rsaes_oaep = true;
  Bytes der = intermediate_.Issue(fields, Rsa2048());
  const EndorsementVerdict verdict = JudgeFile(der);
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.key_type, "RSA-2048");
  der.back() ^= 1;
  EXPECT_EQ(JudgeFile(der).check, "C3");
}

TEST_F(Verdicts, K7_RefuseAWeakModulus) {
  CertificateFields weak = CertificateFields::Endorsement(AlgorithmId::kRsa);
  weak.modulus = RocaModulus();
  EXPECT_EQ(Judge(weak, {}, Rsa2048()).check, "K7");
  EXPECT_EQ(Judge(weak, {}, Rsa2048()).reason,
            "the key of the EK certificate has a weak modulus (CVE-2017-15361)");
}

TEST(RealCertificates, C6_SayWhatTheyAreAndChainToTheBuiltInBundle) {
  const auto roots = EndorsementRoots::Create({.bundle = TpmVendors()}).value();
  const WallTime now = std::chrono::sys_days(std::chrono::year_month_day(
      std::chrono::year(2026), std::chrono::month(11), std::chrono::day(24)));
  struct Known {
    const char *file, *manufacturer, *model, *firmware, *key_type, *not_after;
  };
  for (const Known& known :
       {Known{"st-ecc-p256.der", "STM", "ST33HTPHAHB4", "73.4", "P-256", "2028-07-26T00:00:00Z"},
        Known{"st-rsa2048-padded.nv", "STM", "ST33HTPHAHB4", "73.4", "RSA-2048",
              "2028-07-11T00:00:00Z"},
        Known{"nuvoton-rsa-noncanonical.der", "NTC", "NPCT75x", "7.2", "RSA-2048",
              "2039-07-19T17:15:13Z"}}) {
    const auto verdict = VerifyEndorsement(ReadTestData(std::string("endorsement/") + known.file),
                                           {}, roots, {}, now)
                             .value();
    EXPECT_TRUE(verdict.accepted) << known.file << ": " << verdict.reason;
    EXPECT_EQ(verdict.manufacturer, known.manufacturer);
    EXPECT_EQ(verdict.model, known.model);
    EXPECT_EQ(verdict.firmware, known.firmware);
    EXPECT_EQ(verdict.key_type, known.key_type);
    EXPECT_EQ(FormatCertificateTime(verdict.not_after), known.not_after) << known.file;
  }
}

}  // namespace
}  // namespace plimsoll::crypto
