#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// Boot components that are accepted by who signed them: firmware and shim log the authorities that
// let images pass, and not which let which, so all of them have to be accepted (B3).
namespace plimsoll::appraisal {
namespace {

using fakes::EventLogBuilder;
using fakes::EventType;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

constexpr uint32_t kShimAuthorityEvent = 20;

Bytes Authority(uint8_t certificate) {
  Bytes data = ToBytes(eventlog::GuidFromText(fakes::kOwnerGuid).bytes);
  Append(data, fakes::FakeCertificate(certificate));
  return data;
}

// Firmware let shim pass by db's certificate 3, shim let GRUB and kernel pass by its own, 4.
EventLogBuilder SignedLog() {
  EventLogBuilder log = fakes::TwoBankLog();
  EventLogBuilder more({AlgorithmId::kSha1, AlgorithmId::kSha256});
  more.AddAuthority(fakes::kShimGuid, "Shim", fakes::FakeCertificate(4));
  log.events.insert(log.events.begin() + kShimAuthorityEvent - 1, more.events.front());
  return log;
}

class Signers : public testing::Test {
 protected:
  explicit Signers() {
    machine_.log = SignedLog();
    machine_.Measure();
  }

  // Accepts images of these signers, and of PCR 9 what the good machine has.
  void Accept(const std::vector<uint8_t>& certificates, Json more = Json::object(),
              const std::string& name = "signers") {
    Json signers = Json::array();
    for (const uint8_t certificate : certificates) {
      signers.push_back(MeasuredNode::CertificateDigest(certificate));
    }
    more["components"] = {{{"role", "BootLoader"}, {"signerCertificateSHA256", signers}}};
    machine_.Publish(MeasuredNode::Set(name, more));
  }

  Appraisal Judge(Json refs = {"signers"}) {
    return machine_.Judge(MeasuredNode::BootPolicy({{"componentRefs", std::move(refs)},
                                                    {"componentRoles", {"BootLoader"}},
                                                    {"secureBoot", secure_boot_}}));
  }

  MeasuredNode machine_;
  std::string secure_boot_ = "Ignored";
};

TEST_F(Signers, B03_ImagesOfAcceptedSignersPass) {
  Accept({3, 4, 7});
  EXPECT_THAT(Judge(), IsTrusted());
}

TEST_F(Signers, B03_EveryAuthorityMustBeAnAcceptedSigner) {
  for (const std::vector<uint8_t>& some : {std::vector<uint8_t>{3}, {4}, {5, 6}}) {
    Accept(some);
    const Appraisal appraisal = Judge();
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
    EXPECT_THAT(FindingBy(appraisal, "B3", Reason::kBootComponentNotAccepted).expected,
                HasSubstr("signed by " + MeasuredNode::CertificateDigest(some[0])));
  }
}

TEST_F(Signers, B03_SignersCountOnlyWhereSecureBootIsProven) {
  Accept({3, 4});
  machine_.EventAt(fakes::kSecureBootEvent).data.back() ^= 1U;
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));

  EventLogBuilder off = SignedLog();
  EventLogBuilder variable({AlgorithmId::kSha1, AlgorithmId::kSha256});
  variable.AddVariable(fakes::kGlobalGuid, "SecureBoot", Bytes{0});
  off.events[fakes::kSecureBootEvent - 1] = variable.events.front();
  machine_.log = off;
  machine_.Measure();
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(Signers, B03_SignersCountOnlyWherePcr7WasQuoted) {
  Accept({3, 4});
  machine_.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,8,9");
  const Appraisal appraisal = Judge();
  EXPECT_THAT(appraisal, IsUnknown(Reason::kWrongBank));
  EXPECT_EQ(FindingBy(appraisal, "Q17", Reason::kWrongBank).pcr->index, 7U);
}

TEST_F(Signers, B03_AnAuthorityThatCannotBeReadMayBeAnyone) {
  Accept({3, 4});
  machine_.EventAt(kShimAuthorityEvent).data.back() ^= 1U;
  machine_.EventAt(kShimAuthorityEvent).data[40] ^= 1U;
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(Signers, B03_AnAuthorityUnderAnotherTypeIsNotForgotten) {
  Accept({3});
  for (const EventType type : {EventType::kEfiVariableDriverConfig, EventType::kEfiAction,
                               EventType::kEfiSpdmDeviceAuthority, EventType::kEventTag}) {
    machine_.EventAt(kShimAuthorityEvent).type = type;
    const Appraisal appraisal = Judge();
    EXPECT_EQ(appraisal.verdict, Verdict::kUntrusted) << eventlog::EventTypeName(type);
  }
}

TEST_F(Signers, B03_AShimThatWasToldNotToValidateIsSignedByNobody) {
  Accept({3, 4});
  machine_.log.AddAuthority(fakes::kShimGuid, "MokSBState", Bytes{1});
  machine_.Measure();
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(Signers, B03_ShimsOwnStateIsNoSignerAndOthersOfThatNameAre) {
  Accept({3, 4});
  machine_.log.AddAuthority(fakes::kShimGuid, "MokListTrusted", Bytes{1});
  machine_.Measure();
  EXPECT_THAT(Judge(), IsTrusted());
  machine_.log.AddAuthority(fakes::kSecurityGuid, "MokListTrusted", Authority(9));
  machine_.Measure();
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(Signers, B03_AnImageThatWasLetPassByItsHashHasNoSigner) {
  Accept({3, 4});
  Bytes by_hash = ToBytes(eventlog::GuidFromText(fakes::kOwnerGuid).bytes);
  Append(by_hash, Bytes(32, 0xCC));
  machine_.log.AddAuthority(fakes::kSecurityGuid, "db", by_hash);
  machine_.Measure();
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(Signers, B03_SignersSayNothingAboutFilesThatNobodyHadToSign) {
  machine_.Publish(MeasuredNode::Set(
      "signers",
      {{"components",
        {{{"role", "Kernel"},
          {"signerCertificateSHA256",
           {MeasuredNode::CertificateDigest(3), MeasuredNode::CertificateDigest(4)}}}}}}));
  const Appraisal appraisal = machine_.Judge(
      MeasuredNode::BootPolicy({{"componentRefs", {"signers"}}, {"componentRoles", {"InitRD"}}}));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_EQ(FindingBy(appraisal, "B3", Reason::kBootComponentNotAccepted).pcr->index, 9U);
}

TEST_F(Signers, B03_ADigestIsEnoughForAnImageOfAnotherSigner) {
  Accept({3});
  EXPECT_THAT(Judge({"signers", "machine"}), IsTrusted());
}

TEST_F(Signers, B03_ARevokedSignerFailsEvenWhereTheDigestIsAccepted) {
  Accept({4}, {{"state", "Revoked"}}, "recalled");
  const Appraisal appraisal = Judge({"machine", "recalled"});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kReferenceRevoked));
  EXPECT_EQ(FindingBy(appraisal, "B3", Reason::kReferenceRevoked).closest, "recalled");
}

TEST_F(Signers, B03_ARevokedSignerCannotBeHidden) {
  Accept({4}, {{"state", "Revoked"}}, "recalled");
  machine_.EventAt(kShimAuthorityEvent).data[60] ^= 1U;
  const Appraisal unreadable = Judge({"machine", "recalled"});
  EXPECT_THAT(unreadable, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(FindingBy(unreadable, "B3", Reason::kBootComponentNotAccepted).message,
              HasSubstr("may be signed by a signer that recalled revokes"));

  machine_.EventAt(kShimAuthorityEvent).type = EventType::kEfiVariableDriverConfig;
  EXPECT_EQ(Judge({"machine", "recalled"}).verdict, Verdict::kUntrusted);
}

TEST_F(Signers, B03_ASignerOfASetOutsideOfItsTimeIsNotAccepted) {
  Accept({3, 4}, {{"notBefore", "2026-11-24T08:00:01Z"}});
  EXPECT_THAT(Judge(), IsUntrusted(Reason::kBootComponentNotAccepted));
}

}  // namespace
}  // namespace plimsoll::appraisal
