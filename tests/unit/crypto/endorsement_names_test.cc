#include <gtest/gtest.h>

#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_version.h"
#include "crypto/tpm_vendor.h"
#include "fakes/software_ca.h"
#include "keys.h"

namespace plimsoll::crypto {
namespace {

using fakes::CertificateFields;
using fakes::SoftwareCa;
using fakes::TpmNameFields;
using tcg::AlgorithmId;

class EndorsementNames : public testing::Test {
 protected:
  EndorsementCertificate With(const TpmNameFields& names) const {
    CertificateFields fields = CertificateFields::Endorsement(AlgorithmId::kEcc);
    fields.names = names;
    return EndorsementCertificate::Parse(ca_.Issue(fields, P256())).value();
  }

  const SoftwareCa ca_{CertificateFields::Ca("root")};
};

TEST_F(EndorsementNames, C6_AreFoundInOneRdnOrSeveralAndInEitherStringType) {
  for (const bool one_rdn : {false, true}) {
    for (const bool printable : {false, true}) {
      for (const bool critical : {false, true}) {
        for (const bool beside_others : {false, true}) {
          TpmNameFields names;
          names.one_rdn = one_rdn;
          names.printable = printable;
          names.critical = critical;
          names.beside_others = beside_others;
          const auto certificate = With(names);
          EXPECT_EQ(certificate.manufacturer(), "id:49465800");
          EXPECT_EQ(certificate.vendor_id(), "IFX");
          EXPECT_EQ(certificate.model(), "SLB 9672");
          EXPECT_EQ(certificate.version(), "id:0F17");
        }
      }
    }
  }
}

TEST_F(EndorsementNames, C6_ThatContradictEachOtherAreNone) {
  TpmNameFields names;
  names.second_version = names.version;
  EXPECT_EQ(With(names).version(), "id:0F17");
  names.second_version = "id:0F18";
  EXPECT_EQ(With(names).version(), "");
  EXPECT_EQ(With(names).model(), "SLB 9672");
}

TEST_F(EndorsementNames, C6_ThatAreNoOrdinaryTextAreNone) {
  TpmNameFields names;
  names.model = "SLB\n9672";
  names.version = std::string(129, '1');
  const auto certificate = With(names);
  EXPECT_EQ(certificate.model(), "");
  EXPECT_EQ(certificate.version(), "");
  EXPECT_EQ(certificate.vendor_id(), "IFX");
}

TEST(TpmVendor, C6_IsNamedByLettersHoweverItIsWritten) {
  for (const char* text :
       {"id:49465800", "ID:49465800", "id:494658", "49465800", "IFX", "ifx", "IFX "}) {
    EXPECT_EQ(VendorIdOf(text), "IFX") << text;
  }
  EXPECT_EQ(VendorIdOf("id:53544D20"), "STM");
  EXPECT_EQ(VendorIdOf("id:53544d20"), "STM");
  EXPECT_EQ(VendorIdOf("id:4E544300"), "NTC");
  EXPECT_EQ(VendorIdOf("id:494E5443"), "INTC");
  EXPECT_EQ(VendorIdOf("id:414D4400"), "AMD");
  EXPECT_EQ(VendorIdOf("id:00001014"), "00001014");
  EXPECT_EQ(VendorIdOf("00001014"), "00001014");
  for (const char* text : {"", "id:", "id:4", "id:4946580", "id:4946580000", "id:4946580G", "id:00",
                           "Infineon", "I X", "\n"}) {
    EXPECT_EQ(VendorIdOf(text), "") << text;
  }
}

TEST(TpmVendor, HasTheNameOfTheRegistry) {
  EXPECT_EQ(VendorName("IFX"), "Infineon");
  EXPECT_EQ(VendorName("STM"), "STMicroelectronics");
  EXPECT_EQ(VendorName("NTC"), "Nuvoton Technology");
  EXPECT_EQ(VendorName("00001014"), "");
  EXPECT_EQ(VendorName(""), "");
}

TEST(EndorsementVersion, C6_IsReadInEveryFormThatCertificatesHave) {
  const std::pair<const char*, uint64_t> known[] = {
      {"id:053E", 0x0005003E00000000},
      {"id:053e", 0x0005003E00000000},
      {"053E", 0x0005003E00000000},
      {"ID:053E", 0x0005003E00000000},
      {"id:00490004", 0x0049000400000000},
      {"id:00070002", 0x0007000200000000},
      {"id:0F17", 0x000F001700000000},
      {"id:20191023", 0x2019102300000000},
      {"id:000700020001ABCD", 0x000700020001ABCD},
      {"7.2.0.2", 0x0007000200000002},
      {"5.62", 0x0005003E00000000},
      {"id:5.62", 0x0005003E00000000},
  };
  for (const auto& [text, lowest] : known) {
    const auto version = ReadCertificateVersion(text);
    ASSERT_TRUE(version) << text;
    EXPECT_EQ(version->lowest, lowest) << text;
  }
  EXPECT_EQ(ReadCertificateVersion("id:053E")->highest, 0x0005003EFFFFFFFFU);
  EXPECT_EQ(ReadCertificateVersion("7.2.0.2")->highest, 0x0007000200000002U);
  for (const char* text :
       {"", "id:", "id:13", "id:053", "id:053G", "id:00 490004", "5..62", "5.", ".62", "1.2.3.4.5",
        "65536.1", "-5.62", "+5.62", "unknown", "id:0049000400490004FF", "0x053E"}) {
    EXPECT_FALSE(ReadCertificateVersion(text)) << text;
  }
}

TEST(EndorsementVersion, OfPeopleIsOneToFourNumbersOrTheTextOfACertificate) {
  EXPECT_EQ(ReadVersionBound("5")->lowest, 0x0005000000000000U);
  EXPECT_EQ(ReadVersionBound("5")->highest, 0x0005FFFFFFFFFFFFU);
  EXPECT_EQ(ReadVersionBound("5.61")->lowest, 0x0005003D00000000U);
  EXPECT_EQ(ReadVersionBound("id:053D")->lowest, 0x0005003D00000000U);
  EXPECT_EQ(ReadVersionBound("7.2.0.2")->highest, 0x0007000200000002U);
  // "0533" is the number 533: hex needs its prefix.
  EXPECT_EQ(ReadVersionBound("0533")->lowest, 0x0215000000000000U);
  for (const char* text : {"", "id:5.61", "053D", "5.61.", "1.2.3.4.5", "65536", "five"}) {
    EXPECT_FALSE(ReadVersionBound(text)) << text;
  }
}

TEST(EndorsementVersion, IsShownAsPeopleWriteIt) {
  EXPECT_EQ(DescribeVersion("id:053E"), "5.62");
  EXPECT_EQ(DescribeVersion("id:00490004"), "73.4");
  EXPECT_EQ(DescribeVersion("7.2.0.2"), "7.2.0.2");
  EXPECT_EQ(DescribeVersion("id:13"), "id:13");
}

}  // namespace
}  // namespace plimsoll::crypto
