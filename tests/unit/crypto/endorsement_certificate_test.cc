#include "crypto/endorsement_certificate.h"

#include <gtest/gtest.h>

#include "crypto/endorsement_key.h"
#include "fakes/software_ca.h"
#include "fakes/test_data.h"
#include "keys.h"

namespace plimsoll::crypto {
namespace {

using fakes::CertificateFields;
using fakes::KeyTemplate;
using fakes::ReadTestData;
using fakes::SoftwareCa;
using tcg::AlgorithmId;

TEST(EndorsementCertificate, C1_CutsThePaddingOfNv) {
  const Bytes padded = ReadTestData("endorsement/st-rsa2048-padded.nv");
  const auto certificate = EndorsementCertificate::Parse(padded);
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(ToBytes(certificate->der()), Bytes(padded.begin(), padded.begin() + 1169));
  Bytes zeros(padded.begin(), padded.begin() + 1169);
  EXPECT_TRUE(EndorsementCertificate::Parse(zeros));
  zeros.resize(1600, 0x00);
  EXPECT_TRUE(EndorsementCertificate::Parse(zeros));
}

TEST(EndorsementCertificate, C1_RefusesATailThatIsNoPadding) {
  const Bytes padded = ReadTestData("endorsement/st-rsa2048-padded.nv");
  for (const size_t at : {size_t{1169}, size_t{1300}, size_t{1599}}) {
    for (const uint8_t byte : std::vector<uint8_t>{0x41, 0x00}) {
      Bytes changed = padded;
      changed[at] = byte;
      EXPECT_EQ(EndorsementCertificate::Parse(changed).error().code, ErrorCode::kMalformed);
    }
  }
  Bytes twice = ReadTestData("endorsement/st-ecc-p256.der");
  Append(twice, ReadTestData("endorsement/nuvoton-rsa-noncanonical.der"));
  EXPECT_FALSE(EndorsementCertificate::Parse(twice));
}

TEST(EndorsementCertificate, C1_RefusesEveryTruncationAndTooMuch) {
  const Bytes der = ReadTestData("endorsement/st-ecc-p256.der");
  for (size_t size = 0; size < der.size(); ++size) {
    ASSERT_FALSE(EndorsementCertificate::Parse(ByteSpan(der).first(size))) << size;
  }
  Bytes large = der;
  large.resize(EndorsementCertificate::kMaxBytes + 1, 0xFF);
  EXPECT_EQ(EndorsementCertificate::Parse(large).error().code, ErrorCode::kTooLarge);
}

TEST(EndorsementCertificate, C2_KeepsWhatDeviatesFromDerAsItIs) {
  const Bytes der = ReadTestData("endorsement/nuvoton-rsa-noncanonical.der");
  EXPECT_EQ(ToBytes(EndorsementCertificate::Parse(der).value().der()), der);
}

TEST(EndorsementCertificate, C6_ReadsTheNamesInEveryForm) {
  const auto st =
      EndorsementCertificate::Parse(ReadTestData("endorsement/st-ecc-p256.der")).value();
  EXPECT_EQ(st.manufacturer(), "id:53544D20");
  EXPECT_EQ(st.vendor_id(), "STM");
  EXPECT_EQ(st.model(), "ST33HTPHAHB4");
  EXPECT_EQ(st.version(), "id:00490004");
  EXPECT_EQ(st.issuer(), "CN=STM TPM ECC Intermediate CA 01,O=STMicroelectronics NV,C=CH");
  const auto nuvoton =
      EndorsementCertificate::Parse(ReadTestData("endorsement/nuvoton-rsa-noncanonical.der"))
          .value();
  EXPECT_EQ(nuvoton.manufacturer(), "id:4E544300");
  EXPECT_EQ(nuvoton.vendor_id(), "NTC");
  EXPECT_EQ(nuvoton.model(), "NPCT75x");
  EXPECT_EQ(nuvoton.version(), "id:00070002");
}

TEST(EndorsementCertificate, C6_LeavesMissingNamesEmpty) {
  const SoftwareCa ca(CertificateFields::Ca("root"));
  CertificateFields fields = CertificateFields::Endorsement(AlgorithmId::kEcc);
  fields.tpm_names = false;
  fields.Set("subjectAltName", "DNS:localhost");
  const auto certificate = EndorsementCertificate::Parse(ca.Issue(fields, P256())).value();
  EXPECT_EQ(certificate.manufacturer(), "");
  EXPECT_EQ(certificate.vendor_id(), "");
  EXPECT_EQ(certificate.model(), "");
}

TEST(EndorsementCertificate, C8_ReadsYear9999) {
  const SoftwareCa ca(CertificateFields::Ca("root"));
  CertificateFields fields = CertificateFields::Endorsement(AlgorithmId::kEcc);
  fields.not_after = "99991231235959Z";
  const auto certificate = EndorsementCertificate::Parse(ca.Issue(fields, P256())).value();
  EXPECT_EQ(FormatCertificateTime(certificate.not_after()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(FormatCertificateTime(certificate.not_before()), "2025-12-31T00:00:00Z");
}

TEST(EndorsementCertificate, C9_ReadsUnusualSerialNumbers) {
  const SoftwareCa ca(CertificateFields::Ca("root"));
  for (const char* serial :
       {"0", "-5", "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c"}) {
    CertificateFields fields = CertificateFields::Endorsement(AlgorithmId::kEcc);
    fields.serial_hex = serial;
    EXPECT_TRUE(EndorsementCertificate::Parse(ca.Issue(fields, P256()))) << serial;
  }
}

TEST(EndorsementCertificate, C12_IsForItsOwnKeyOnly) {
  const SoftwareCa ca(CertificateFields::Ca("root"));
  const auto rsa = Rsa2048().With(KeyTemplate::EkRsa2048()).Public();
  const auto ecc = P384().With(KeyTemplate::EkP384()).Public();
  const auto of_rsa = EndorsementCertificate::Parse(
                          ca.Issue(CertificateFields::Endorsement(AlgorithmId::kRsa), Rsa2048()))
                          .value();
  const auto of_ecc = EndorsementCertificate::Parse(
                          ca.Issue(CertificateFields::Endorsement(AlgorithmId::kEcc), P384()))
                          .value();
  EXPECT_TRUE(of_rsa.IsFor(rsa));
  EXPECT_TRUE(of_ecc.IsFor(ecc));
  EXPECT_FALSE(of_rsa.IsFor(ecc));
  EXPECT_FALSE(of_ecc.IsFor(rsa));
  EXPECT_EQ(of_rsa.key_sha256(), EndorsementKeySha256(rsa).value());
}

TEST(EndorsementCertificate, C12_NamesTheKeyByItsSubjectPublicKeyInfo) {
  // openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum
  EXPECT_EQ(EndorsementCertificate::Parse(ReadTestData("endorsement/st-ecc-p256.der"))
                .value()
                .key_sha256(),
            "da87f7c33d64091ea39f83a22a4ea25549f6e91b2e448251bd57fa3dfcf39560");
  EXPECT_EQ(EndorsementCertificate::Parse(ReadTestData("endorsement/nuvoton-rsa-noncanonical.der"))
                .value()
                .key_sha256(),
            "b3496e611dfb3bd3c7d1fc97bb031245e85844b5042dc573ab419dd7f7b192c4");
}

TEST(EndorsementCertificate, C14_ReadsAnRsaesOaepKey) {
  const SoftwareCa ca(CertificateFields::Ca("root"));
  CertificateFields fields = CertificateFields::Endorsement(AlgorithmId::kRsa);
  fields.rsaes_oaep = true;
  const auto certificate = EndorsementCertificate::Parse(ca.Issue(fields, Rsa2048()));
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_TRUE(certificate->IsFor(Rsa2048().With(KeyTemplate::EkRsa2048()).Public()));
}

TEST(EndorsementCertificate, S3_RefusesAWeakKey) {
  const SoftwareCa ca(CertificateFields::Ca("root"));
  EXPECT_EQ(EndorsementCertificate::Parse(
                ca.Issue(CertificateFields::Endorsement(AlgorithmId::kRsa), Rsa1024()))
                .error()
                .code,
            ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace plimsoll::crypto
