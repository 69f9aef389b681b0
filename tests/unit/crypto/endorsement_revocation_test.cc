#include "crypto/endorsement_revocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/endorsement_verdict.h"
#include "fakes/software_ca.h"
#include "keys.h"

namespace plimsoll::crypto {
namespace {

using fakes::CertificateFields;
using fakes::CertificateNow;
using fakes::PemBlock;
using fakes::RevocationFields;
using fakes::SoftwareCa;
using tcg::AlgorithmId;
using testing::HasSubstr;

constexpr char kListType[] = "X509 CRL";

CertificateFields CaThatLists(const std::string& subject, const std::string& serial) {
  CertificateFields fields = CertificateFields::Ca(subject);
  fields.Set("keyUsage", "critical,keyCertSign,cRLSign");
  fields.serial_hex = serial;
  return fields;
}

// A root, an intermediate (serial 22) and an EK certificate (serial 33), and what is not revoked.
class Revocation : public testing::Test {
 protected:
  Revocation() { good_.serial_hex = "33"; }

  EndorsementVerdict Judge(const std::vector<Bytes>& lists, ChainOptions chain = {},
                           WallTime now = CertificateNow()) const {
    EndorsementRules rules;
    rules.chain = chain;
    rules.revocation = RevocationLists::Parse({lists.begin(), lists.end()}).value();
    return VerifyEndorsement(
               EndorsementCertificate::Parse(intermediate_.Issue(good_, P256())).value(),
               {intermediate_.der()}, EndorsementRoots::FromPem(root_.Pem()).value(), rules, now)
        .value();
  }

  void ExpectRefused(const std::vector<Bytes>& lists, const char* message) const {
    const EndorsementVerdict verdict = Judge(lists);
    EXPECT_FALSE(verdict.accepted) << message;
    EXPECT_EQ(verdict.check, "C10");
    EXPECT_THAT(verdict.reason, HasSubstr(message));
  }

  Bytes OfLeaf(const RevocationFields& fields = {}) const {
    return intermediate_.IssueRevocationList(fields);
  }

  CertificateFields good_ = CertificateFields::Endorsement(AlgorithmId::kEcc);
  const SoftwareCa root_{CaThatLists("root", "11")};
  const SoftwareCa intermediate_{CaThatLists("intermediate", "22"), root_};
  const Bytes of_intermediate_ = root_.IssueRevocationList({});
};

TEST_F(Revocation, C10_AcceptsWhatCurrentListsDoNotName) {
  const EndorsementVerdict verdict = Judge({OfLeaf(), of_intermediate_});
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_TRUE(
      Judge({of_intermediate_, OfLeaf({.serials_hex = {"34", "-33", "3300", "22"}})}).accepted);
}

TEST_F(Revocation, E19_C10_RefusesARevokedLeaf) {
  ExpectRefused({OfLeaf({.serials_hex = {"32", "33"}}), of_intermediate_},
                "the EK certificate (serial 33) was revoked by CN=intermediate on "
                "2026-01-01T00:00:00Z");
}

TEST_F(Revocation, E19_C10_RefusesARevokedIntermediate) {
  ExpectRefused({OfLeaf(), root_.IssueRevocationList({.serials_hex = {"22"}})},
                "the CA certificate of CN=intermediate (serial 22) was revoked by CN=root");
}

TEST_F(Revocation, E19_C10_RefusesWhenAListIsMissing) {
  ExpectRefused({of_intermediate_},
                "there is no revocation list of CN=intermediate, which issued the EK certificate");
  ExpectRefused({OfLeaf()},
                "there is no revocation list of CN=root, which issued the CA certificate of "
                "CN=intermediate");
}

TEST_F(Revocation, E19_C10_RefusesAnExpiredListAndSaysSinceWhen) {
  ExpectRefused({OfLeaf({.next_update_days = 180}), of_intermediate_},
                "the revocation list of CN=intermediate, which issued the EK certificate, expired "
                "2026-06-30T00:00:00Z");
  ExpectRefused({OfLeaf(), root_.IssueRevocationList({.next_update_days = 10})},
                "the revocation list of CN=root, which issued the CA certificate of "
                "CN=intermediate, expired 2026-01-11T00:00:00Z");
  EXPECT_TRUE(Judge({OfLeaf({.next_update_days = 181}), of_intermediate_}).accepted);
}

TEST_F(Revocation, C10_HoldsListsToTheirTimeEvenIfCertificatesMayExpire) {
  EXPECT_EQ(
      Judge({OfLeaf({.next_update_days = 180}), of_intermediate_}, {.enforce_validity = false})
          .check,
      "C10");
}

TEST_F(Revocation, C10_RefusesAListFromTheFutureOrWithoutAnEnd) {
  ExpectRefused({OfLeaf({.this_update_days = 181}), of_intermediate_},
                "begins only 2026-07-01T00:00:00Z");
  ExpectRefused({OfLeaf({.next_update_days = std::nullopt}), of_intermediate_},
                "does not say until when it holds");
}

TEST_F(Revocation, E19_C10_RefusesAListThatAnotherCaSigned) {
  const SoftwareCa impostor(CaThatLists("intermediate", "22"));
  ExpectRefused({impostor.IssueRevocationList({}), of_intermediate_},
                "the revocation list of CN=intermediate, which issued the EK certificate, is not "
                "signed by it");
  Bytes changed = OfLeaf();
  changed.back() ^= 1;
  ExpectRefused({changed, of_intermediate_}, "is not signed by it");
  // Neither does a foreign list revoke anything, or stand in the way of the right one.
  EXPECT_TRUE(
      Judge({impostor.IssueRevocationList({.serials_hex = {"33"}}), OfLeaf(), of_intermediate_})
          .accepted);
}

TEST_F(Revocation, C10_ARevocationCountsInWhateverOrderAndAlsoInAnOldList) {
  const Bytes old = OfLeaf({.next_update_days = 10, .serials_hex = {"33"}});
  ExpectRefused({old, OfLeaf(), of_intermediate_}, "was revoked");
  ExpectRefused({OfLeaf(), old, of_intermediate_}, "was revoked");
}

TEST_F(Revocation, C10_RefusesAListByACaThatMaySignNone) {
  CertificateFields mute = CaThatLists("intermediate", "22");
  mute.Set("keyUsage", "critical,keyCertSign");
  const SoftwareCa ca(mute, root_);
  EndorsementRules rules;
  const Bytes list = ca.IssueRevocationList({});
  rules.revocation = RevocationLists::Parse({list, of_intermediate_}).value();
  const auto verdict =
      VerifyEndorsement(EndorsementCertificate::Parse(ca.Issue(good_, P256())).value(), {ca.der()},
                        EndorsementRoots::FromPem(root_.Pem()).value(), rules, CertificateNow())
          .value();
  EXPECT_THAT(verdict.reason, HasSubstr("without key usage cRLSign"));
}

TEST_F(Revocation, C10_RefusesListsThatAreNotTheWholeTruth) {
  ExpectRefused({OfLeaf({.sha1 = true}), of_intermediate_}, "weak or unknown digest");
  ExpectRefused({OfLeaf({.extensions = {{"deltaCRL", "critical,DER:020101"}}}), of_intermediate_},
                "is a delta");
  ExpectRefused({OfLeaf({.extensions = {{"1.2.3.4.5", "critical,DER:0500"}}}), of_intermediate_},
                "critical extension that is not understood");
  for (const char* part :
       {"critical,onlyCA:TRUE", "critical,onlyAA:TRUE", "critical,indirectCRL:TRUE",
        "critical,onlysomereasons:keyCompromise", "critical,fullname:URI:http://example/1.crl"}) {
    ExpectRefused({OfLeaf({.extensions = {{"issuingDistributionPoint", part}}}), of_intermediate_},
                  "does not cover this certificate");
  }
  EXPECT_TRUE(
      Judge({OfLeaf({.extensions = {{"issuingDistributionPoint", "critical,onlyuser:TRUE"}}}),
             of_intermediate_})
          .accepted);
  ExpectRefused({OfLeaf(), root_.IssueRevocationList({.extensions = {{"issuingDistributionPoint",
                                                                      "critical,onlyuser:TRUE"}}})},
                "does not cover this certificate");
}

TEST_F(Revocation, C10_TakesTheListOfTheCertificatesOwnDistributionPoint) {
  good_.Set("crlDistributionPoints", "URI:http://example/1.crl");
  const auto of = [this](const char* name) {
    return OfLeaf({.extensions = {{"issuingDistributionPoint",
                                   std::string("critical,fullname:URI:") + name}}});
  };
  EXPECT_TRUE(Judge({of("http://example/1.crl"), of_intermediate_}).accepted);
  ExpectRefused({of("http://example/2.crl"), of_intermediate_}, "does not cover");
}

TEST_F(Revocation, C10_AnAnchorNeedsNoList) {
  EndorsementRules rules;
  rules.revocation = RevocationLists::Parse(OfLeaf()).value();
  const auto verdict =
      VerifyEndorsement(EndorsementCertificate::Parse(intermediate_.Issue(good_, P256())).value(),
                        {}, EndorsementRoots::FromPem(intermediate_.Pem()).value(), rules,
                        CertificateNow())
          .value();
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
}

TEST_F(Revocation, C10_WithoutListsIsIgnored) {
  EXPECT_TRUE(
      VerifyEndorsement(EndorsementCertificate::Parse(intermediate_.Issue(good_, P256())).value(),
                        {intermediate_.der()}, EndorsementRoots::FromPem(root_.Pem()).value(), {},
                        CertificateNow())
          .value()
          .accepted);
}

TEST_F(Revocation, C10_ListsAreReadFromPemAndDer) {
  const Bytes one = OfLeaf();
  Bytes der = one;
  Append(der, of_intermediate_);
  EXPECT_EQ(RevocationLists::Parse(der).value().count(), 2U);
  const std::string pem =
      "# text\n" + PemBlock(kListType, OfLeaf()) + PemBlock(kListType, of_intermediate_) + "\n";
  EXPECT_EQ(RevocationLists::Parse(AsBytes(pem)).value().count(), 2U);
  EXPECT_EQ(RevocationLists::Parse({der, AsBytes(pem)}).value().count(), 4U);

  EXPECT_EQ(RevocationLists::Parse(ByteSpan()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RevocationLists::Parse(AsBytes("text")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RevocationLists::Parse(std::vector<ByteSpan>()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RevocationLists::Parse({der, AsBytes("text")}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RevocationLists::Parse(AsBytes(root_.Pem())).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(RevocationLists::Parse(root_.der()).error().code, ErrorCode::kMalformed);
  Bytes tail = der;
  tail.push_back(0);
  EXPECT_EQ(RevocationLists::Parse(tail).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(RevocationLists::Parse(AsBytes(PemBlock(kListType, tail))).error().code,
            ErrorCode::kMalformed);
  for (size_t size = 1; size < one.size(); ++size) {
    ASSERT_FALSE(RevocationLists::Parse(ByteSpan(der).first(size))) << size;
  }
}

TEST_F(Revocation, C10_ListsAreCapped) {
  const std::string large =
      PemBlock(kListType, of_intermediate_) + std::string(RevocationLists::kMaxBytes - 1000, ' ');
  EXPECT_TRUE(RevocationLists::Parse(AsBytes(large)));
  EXPECT_EQ(RevocationLists::Parse({AsBytes(large), AsBytes(large)}).error().code,
            ErrorCode::kTooLarge);
  std::string many;
  for (size_t i = 0; i < RevocationLists::kMaxLists; ++i) {
    many += PemBlock(kListType, of_intermediate_);
  }
  EXPECT_TRUE(RevocationLists::Parse(AsBytes(many)));
  EXPECT_EQ(RevocationLists::Parse({AsBytes(many), of_intermediate_}).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(
      RevocationLists::Parse(AsBytes(many + PemBlock(kListType, of_intermediate_))).error().code,
      ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace plimsoll::crypto
