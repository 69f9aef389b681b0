#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// Secure Boot and its databases, as policies demand them (B1-B6).
namespace plimsoll::appraisal {
namespace {

using fakes::EventLogBuilder;
using fakes::EventType;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

Json SecureBootPolicy() { return MeasuredNode::BootPolicy({{"secureBoot", "Required"}}); }

// The good machine, booted with this change to its log.
template <class Change>
MeasuredNode BootedWith(Change change) {
  EventLogBuilder log = fakes::TwoBankLog();
  change(log);
  return MeasuredNode(log);
}

// The event of another one, in these banks.
template <class Add>
EventLogBuilder::Event Made(Add add) {
  EventLogBuilder builder({AlgorithmId::kSha1, AlgorithmId::kSha256});
  add(builder);
  return builder.events.front();
}

EventLogBuilder::Event Variable(std::string_view guid, std::string_view name,
                                const Bytes& contents) {
  return Made([&](EventLogBuilder& builder) { builder.AddVariable(guid, name, contents); });
}

void ExpectDisabled(MeasuredNode machine, std::string_view check, std::string_view observed) {
  const Appraisal appraisal = machine.Judge(SecureBootPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kSecureBootDisabled));
  const Finding finding = FindingBy(appraisal, check, Reason::kSecureBootDisabled);
  EXPECT_EQ(finding.observed, observed);
  EXPECT_EQ(finding.expected, "Enabled");
  ASSERT_TRUE(finding.pcr.has_value());
  EXPECT_EQ(finding.pcr->index, 7U);
  EXPECT_THAT(machine.Judge(MeasuredNode::BootPolicy({{"secureBoot", "Ignored"}})), IsTrusted());
}

TEST(SecureBootRules, B01_SecureBootThatIsOnPasses) {
  MeasuredNode machine;
  EXPECT_THAT(machine.Judge(SecureBootPolicy()), IsTrusted());
}

TEST(SecureBootRules, B01_SecureBootThatIsOffFails) {
  const MeasuredNode machine = BootedWith([](EventLogBuilder& log) {
    log.events[fakes::kSecureBootEvent - 1] = Variable(fakes::kGlobalGuid, "SecureBoot", {0});
  });
  ExpectDisabled(machine, "B1", "Disabled");
}

TEST(SecureBootRules, B01_ASecureBootVariableOfAnyOtherContentsFails) {
  for (const Bytes& contents : {Bytes{}, Bytes{2}, Bytes{1, 0}}) {
    ExpectDisabled(BootedWith([&](EventLogBuilder& log) {
                     log.events[fakes::kSecureBootEvent - 1] =
                         Variable(fakes::kGlobalGuid, "SecureBoot", contents);
                   }),
                   "B1", "Unknown");
  }
}

TEST(SecureBootRules, B01_ALogWithoutTheVariableFails) {
  ExpectDisabled(BootedWith([](EventLogBuilder& log) {
                   log.events.erase(log.events.begin() + fakes::kSecureBootEvent - 1);
                 }),
                 "B1", "Unknown");
}

TEST(SecureBootRules, B01_AVariableWhoseDigestIsOfOtherDataFailsWithItsEvent) {
  MeasuredNode machine = BootedWith([](EventLogBuilder& log) {
    log.events[fakes::kSecureBootEvent - 1] = Variable(fakes::kGlobalGuid, "SecureBoot", {0});
  });
  machine.EventAt(fakes::kSecureBootEvent).data.back() = 1;  // the lie
  const Appraisal appraisal = machine.Judge(SecureBootPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kSecureBootDisabled));
  const Finding finding = FindingBy(appraisal, "B1", Reason::kSecureBootDisabled);
  EXPECT_EQ(finding.event->index, fakes::kSecureBootEvent);
  EXPECT_EQ(finding.event->type, "EV_EFI_VARIABLE_DRIVER_CONFIG");
  EXPECT_THAT(finding.message, HasSubstr("digest"));
}

TEST(SecureBootRules, B02_ASecondVariableFailsWhicheverComesFirst) {
  for (const int offset : {0, 1}) {
    ExpectDisabled(BootedWith([&](EventLogBuilder& log) {
                     log.events.insert(log.events.begin() + fakes::kSecureBootEvent - 1 + offset,
                                       Variable(fakes::kGlobalGuid, "SecureBoot", {0}));
                   }),
                   "B2", "Unknown");
  }
}

TEST(SecureBootRules, B02_AVariableBehindTheSeparatorFails) {
  ExpectDisabled(BootedWith([](EventLogBuilder& log) {
                   log.AddVariable(fakes::kGlobalGuid, "SetupMode", Bytes{0});
                 }),
                 "B2", "Unknown");
}

TEST(SecureBootRules, B03_SecureBootWithoutKeysOrAuthoritiesFails) {
  ExpectDisabled(BootedWith([](EventLogBuilder& log) {
                   log.events[2] = Variable(fakes::kGlobalGuid, "PK", {});
                 }),
                 "B3", "Unknown");
  ExpectDisabled(BootedWith([](EventLogBuilder& log) {
                   log.events.erase(log.events.begin() + fakes::kDbAuthorityEvent - 1);
                 }),
                 "B3", "Unknown");
}

TEST(SecureBootRules, B05_FirmwareInDebugModeFailsAndIsNamedByItsEvent) {
  MeasuredNode machine = BootedWith([](EventLogBuilder& log) {
    log.events.insert(log.events.begin() + fakes::kSecureBootEvent - 1,
                      Made([](EventLogBuilder& builder) {
                        builder.AddText(7, EventType::kEfiAction, "UEFI Debug Mode");
                      }));
  });
  const Appraisal appraisal = machine.Judge(SecureBootPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kSecureBootDisabled));
  const Finding finding = FindingBy(appraisal, "B5", Reason::kSecureBootDisabled);
  EXPECT_EQ(finding.event->index, 2U);
  EXPECT_EQ(finding.event->type, "EV_EFI_ACTION") << "what spoils it need not be a variable";
}

TEST(SecureBootRules, L02_ATypeThatDoesNotBelongInPcr7IsMalformed) {
  MeasuredNode machine;
  machine.EventAt(fakes::kDbAuthorityEvent).type = EventType::kUnused;
  const Appraisal appraisal = machine.Judge(SecureBootPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
  const Finding finding = FindingBy(appraisal, "L2", Reason::kEventLogMalformed);
  EXPECT_EQ(finding.event->index, fakes::kDbAuthorityEvent);
  EXPECT_EQ(finding.event->type, "EV_UNUSED");
  EXPECT_EQ(finding.pcr->index, 7U);
  EXPECT_THAT(machine.Judge(MeasuredNode::BootPolicy({{"secureBoot", "Ignored"}})), IsTrusted())
      << "judged only for PCRs that a rule reads";
}

TEST(SecureBootRules, L11_ASeparatorOfPcr7ThatIsMissingTwiceOrAnErrorIsMalformed) {
  const auto judge = [](auto change) {
    MeasuredNode machine = BootedWith(change);
    const Appraisal appraisal = machine.Judge(SecureBootPolicy());
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
    FindingBy(appraisal, "L11", Reason::kEventLogMalformed);
  };
  judge(
      [](EventLogBuilder& log) { log.events.erase(log.events.begin() + fakes::kFence7Event - 1); });
  judge([](EventLogBuilder& log) { log.AddSeparator(7); });
  judge([](EventLogBuilder& log) {
    log.events[fakes::kFence7Event - 1] =
        Made([](EventLogBuilder& builder) { builder.AddSeparator(7, 0xFFFFFFFF); });
  });
}

TEST(SecureBootRules, Q17_Pcr7ThatWasNotQuotedIsWrongBank) {
  MeasuredNode machine;
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,8,9,10");
  const Appraisal appraisal = machine.Judge(SecureBootPolicy());
  EXPECT_THAT(appraisal, IsUnknown(Reason::kWrongBank));
  EXPECT_EQ(FindingBy(appraisal, "Q17", Reason::kWrongBank).pcr->index, 7U);
}

TEST(SecureBootRules, Q17_Pcr7ThatWasNeverExtendedIsAPcrMismatchAndNoSecureBoot) {
  EventLogBuilder log = fakes::TwoBankLog();
  std::erase_if(log.events, [](const auto& event) { return event.pcr == 7; });
  MeasuredNode machine(log);
  const Appraisal appraisal = machine.Judge(SecureBootPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kPcrMismatch));
  EXPECT_EQ(FindingBy(appraisal, "Q17", Reason::kPcrMismatch).observed, std::string(64, '0'));
}

// ---- databases ----

// A policy of one set of this name about the databases, beside what the machine has.
class Databases : public testing::Test {
 protected:
  Appraisal JudgeAgainst(Json databases, Json more = Json::object()) {
    more["secureBootDatabases"] = std::move(databases);
    machine_.Publish(MeasuredNode::Set("wanted", more));
    return machine_.Judge(MeasuredNode::BootPolicy({{"databaseRefs", {"wanted"}}}));
  }

  static Json Entries(const std::string& match, std::vector<std::string> entries) {
    return {{"match", match}, {"entries", std::move(entries)}};
  }

  static std::string A1() { return ToHex(Bytes(32, 0xA1)); }
  static std::string A2() { return ToHex(Bytes(32, 0xA2)); }
  static std::string Other() { return ToHex(Bytes(32, 0xB1)); }

  MeasuredNode machine_;
};

TEST_F(Databases, B06_ExactTakesTheseEntriesAndNoOthers) {
  EXPECT_THAT(JudgeAgainst({{"dbx", Entries("Exact", {A2(), A1()})}}), IsTrusted());

  const Appraisal more = JudgeAgainst({{"dbx", Entries("Exact", {A1()})}});
  EXPECT_THAT(more, IsUntrusted(Reason::kBootComponentNotAccepted));
  const Finding finding = FindingBy(more, "B6", Reason::kBootComponentNotAccepted);
  EXPECT_EQ(finding.observed, A2());
  EXPECT_EQ(finding.closest, "wanted");
  EXPECT_EQ(finding.event->index, fakes::kDbxEvent);
  EXPECT_EQ(finding.event->type, "EV_EFI_VARIABLE_DRIVER_CONFIG");
  EXPECT_EQ(finding.pcr->index, 7U);
  EXPECT_THAT(finding.message, HasSubstr("dbx has an entry that is not listed"));

  const Appraisal fewer = JudgeAgainst({{"dbx", Entries("Exact", {A1(), A2(), Other()})}});
  EXPECT_THAT(fewer, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_EQ(FindingBy(fewer, "B6", Reason::kBootComponentNotAccepted).expected, Other());
}

TEST_F(Databases, B06_SubsetTakesNoEntryButThese) {
  EXPECT_THAT(JudgeAgainst({{"dbx", Entries("Subset", {A1(), A2(), Other()})}}), IsTrusted());
  EXPECT_THAT(JudgeAgainst({{"dbx", Entries("Subset", {A1(), Other()})}}),
              IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(Databases, B06_SupersetIsAMinimumAndTheDefaultOfDbx) {
  EXPECT_THAT(JudgeAgainst({{"dbx", Entries("Superset", {A1()})}}), IsTrusted());
  EXPECT_THAT(JudgeAgainst({{"dbx", {{"entries", {A1()}}}}}), IsTrusted());
  EXPECT_THAT(JudgeAgainst({{"dbx", {{"entries", {A1(), Other()}}}}}),
              IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(JudgeAgainst({{"db", {{"entries", {A1(), MeasuredNode::CertificateDigest(3)}}}}}),
              IsUntrusted(Reason::kBootComponentNotAccepted))
      << "of db the default is Exact";
}

TEST_F(Databases, B06_EachDatabaseIsComparedWithItsOwnList) {
  const std::map<std::string, uint8_t> certificates = {{"PK", 1}, {"KEK", 2}, {"db", 3}};
  for (const auto& [name, fill] : certificates) {
    EXPECT_THAT(JudgeAgainst({{name, Entries("Exact", {MeasuredNode::CertificateDigest(fill)})}}),
                IsTrusted())
        << name;
    EXPECT_THAT(JudgeAgainst({{name, Entries("Exact", {MeasuredNode::CertificateDigest(9)})}}),
                IsUntrusted(Reason::kBootComponentNotAccepted))
        << name;
  }
}

TEST_F(Databases, B06_ADatabaseThatIsNotInTheLogIsNotAcceptedEvenWhereNothingIsDemandedOfIt) {
  EventLogBuilder log = fakes::TwoBankLog();
  log.events.erase(log.events.begin() + fakes::kDbxEvent - 1);
  machine_ = MeasuredNode(log);
  const Appraisal appraisal = JudgeAgainst({{"dbx", Entries("Superset", {})}});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(FindingBy(appraisal, "B6", Reason::kBootComponentNotAccepted).message,
              HasSubstr("no dbx variable"));
}

TEST_F(Databases, B06_ADatabaseThatItsDigestDoesNotCoverIsNotAccepted) {
  machine_.EventAt(fakes::kDbxEvent).data.back() ^= 1U;
  machine_.Publish(machine_.values);
  Json policy =
      MeasuredNode::BootPolicy({{"databaseRefs", {"machine"}}, {"secureBoot", "Ignored"}});
  const Appraisal appraisal = machine_.Judge(policy);
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(FindingBy(appraisal, "B6", Reason::kBootComponentNotAccepted).message,
              HasSubstr("does not cover"));
}

TEST_F(Databases, B06_ASetIsMatchedAsAWhole) {
  // Each of two sets is right about one database and wrong about the other.
  machine_.Publish(
      MeasuredNode::Set("one", {{"secureBootDatabases",
                                 {{"PK", Entries("Exact", {MeasuredNode::CertificateDigest(1)})},
                                  {"KEK", Entries("Exact", {Other()})}}}}));
  machine_.Publish(MeasuredNode::Set(
      "two", {{"secureBootDatabases",
               {{"PK", Entries("Exact", {Other()})},
                {"KEK", Entries("Exact", {MeasuredNode::CertificateDigest(2)})}}}}));
  EXPECT_THAT(machine_.Judge(MeasuredNode::BootPolicy({{"databaseRefs", {"one", "two"}}})),
              IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(
      machine_.Judge(MeasuredNode::BootPolicy({{"databaseRefs", {"one", "machine", "two"}}})),
      IsTrusted());
}

TEST_F(Databases, B06_ARevokedSetFailsEvenWhereAnotherMatches) {
  Json revoked = machine_.values["spec"];
  revoked["state"] = "Revoked";
  machine_.Publish(MeasuredNode::Set("recalled", revoked));
  const Appraisal appraisal =
      machine_.Judge(MeasuredNode::BootPolicy({{"databaseRefs", {"machine", "recalled"}}}));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kReferenceRevoked));
  EXPECT_EQ(FindingBy(appraisal, "B6", Reason::kReferenceRevoked).closest, "recalled");
}

TEST_F(Databases, B06_ADeprecatedSetMatchesWithARemark) {
  const Appraisal appraisal =
      JudgeAgainst({{"dbx", Entries("Exact", {A1(), A2()})}}, {{"state", "Deprecated"}});
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_EQ(FindingBy(appraisal, "B6", std::nullopt).closest, "wanted");
}

TEST_F(Databases, B06_ASetCountsOnlyInItsTime) {
  const Json dbx = {{"dbx", Entries("Exact", {A1(), A2()})}};
  EXPECT_THAT(JudgeAgainst(dbx, {{"notBefore", "2026-11-24T08:00:00Z"}}), IsTrusted());
  EXPECT_THAT(JudgeAgainst(dbx, {{"notAfter", "2026-11-24T08:00:00Z"}}), IsTrusted());
  const Appraisal early = JudgeAgainst(dbx, {{"notBefore", "2026-11-24T08:00:01Z"}});
  EXPECT_THAT(early, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(FindingBy(early, "B6", Reason::kBootComponentNotAccepted).message,
              HasSubstr("wanted, which is outside of its time"));
  EXPECT_THAT(JudgeAgainst(dbx, {{"notAfter", "2026-11-24T07:59:59Z"}}),
              IsUntrusted(Reason::kBootComponentNotAccepted));
}

}  // namespace
}  // namespace plimsoll::appraisal
