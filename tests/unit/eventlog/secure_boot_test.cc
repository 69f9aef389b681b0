#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read_log.h"

// B1-B3, B5, B6 and the scenarios E32, E34 and E35.
namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;
using fakes::kDbAuthorityEvent;
using fakes::kDbxEvent;
using fakes::kFence7Event;
using fakes::kSecureBootEvent;
using ::testing::HasSubstr;
using State = SecureBootState;

SecureBoot Of(const EventLogBuilder& builder) { return FactsOf(builder).secure_boot; }

// The event that has this number in SecureBootLog.
EventLogBuilder::Event& At(EventLogBuilder& builder, uint32_t number) {
  return builder.events[number - 1];
}

void SetData(EventLogBuilder::Event& event, Bytes data) {
  event.digests[static_cast<uint16_t>(kSha256)] = crypto::Digest(kSha256, {data});
  event.data = std::move(data);
}

void Drop(EventLogBuilder& builder, uint32_t number) {
  builder.events.erase(builder.events.begin() + (number - 1));
}

EventLogBuilder WithSecureBoot(ByteSpan contents, std::string_view guid = fakes::kGlobalGuid) {
  EventLogBuilder builder = fakes::SecureBootLog();
  SetData(At(builder, kSecureBootEvent), fakes::VariableData(guid, "SecureBoot", contents));
  return builder;
}

TEST(SecureBootChecks, B01_EnabledWhenEverythingIsProven) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  EXPECT_EQ(facts.secure_boot.state, State::kEnabled) << facts.secure_boot.why;
  EXPECT_EQ(facts.secure_boot.event, kSecureBootEvent);
  EXPECT_EQ(facts.secure_boot.event_type, EventType::kEfiVariableDriverConfig);
  EXPECT_TRUE(facts.problems.items.empty());
}

TEST(SecureBootChecks, B01_DisabledWhenTheVariableIsProvenToBeZero) {
  const SecureBoot result = Of(WithSecureBoot(Bytes{0}));
  EXPECT_EQ(result.state, State::kDisabled);
  EXPECT_EQ(result.event, kSecureBootEvent);
}

TEST(SecureBootChecks, E35_OnlyALengthOfOneAndAValueOfOneEnable) {
  for (const Bytes& contents :
       {Bytes{}, Bytes{2}, Bytes{0xFF}, Bytes{1, 0}, Bytes{1, 1}, Bytes{0, 1}, Bytes{1, 0, 0, 0}}) {
    const SecureBoot result = Of(WithSecureBoot(contents));
    EXPECT_EQ(result.state, State::kUnknown) << contents.size();
    EXPECT_EQ(result.check, "B1");
    EXPECT_FALSE(result.why.empty());
  }
}

TEST(SecureBootChecks, B01_AVariableOfThatNameAndAnotherGuidDoesNotCount) {
  EXPECT_EQ(Of(WithSecureBoot(Bytes{1}, fakes::kShimGuid)).state, State::kUnknown);
  EventLogBuilder beside = WithSecureBoot(Bytes{0});
  EventLogBuilder other;
  other.AddVariable(fakes::kShimGuid, "SecureBoot", Bytes{1});
  beside.events.insert(beside.events.begin(), other.events.front());
  EXPECT_EQ(Of(beside).state, State::kDisabled);
}

TEST(SecureBootChecks, B01_AnotherNameDoesNotCount) {
  for (const std::string_view name : {"SecureBooT", "SecureBoot2", "Secure", ""}) {
    EventLogBuilder builder = fakes::SecureBootLog();
    SetData(At(builder, kSecureBootEvent), fakes::VariableData(fakes::kGlobalGuid, name, Bytes{1}));
    EXPECT_EQ(Of(builder).state, State::kUnknown) << name;
  }
}

TEST(SecureBootChecks, B01_WithoutTheVariableNothingIsProven) {
  EventLogBuilder builder = fakes::SecureBootLog();
  Drop(builder, kSecureBootEvent);
  EXPECT_EQ(Of(builder).state, State::kUnknown);
  EXPECT_THAT(Of(builder).why, HasSubstr("no SecureBoot variable"));
}

TEST(SecureBootChecks, B01_TheVariableCountsInPcr7Alone) {
  EventLogBuilder builder = fakes::SecureBootLog();
  At(builder, kSecureBootEvent).pcr = 3;
  EXPECT_EQ(Of(builder).state, State::kUnknown);
}

TEST(SecureBootChecks, E33_DataThatTheDigestDoesNotCoverNeverEnables) {
  EventLogBuilder builder = WithSecureBoot(Bytes{0});
  At(builder, kSecureBootEvent).data =
      fakes::VariableData(fakes::kGlobalGuid, "SecureBoot", Bytes{1});
  const SecureBoot result = Of(builder);
  EXPECT_EQ(result.state, State::kUnknown);
  EXPECT_THAT(result.why, HasSubstr("digest"));
}

TEST(SecureBootChecks, E33_DataThatTheDigestDoesNotCoverNeverProvesDisabled) {
  EventLogBuilder builder = fakes::SecureBootLog();
  At(builder, kSecureBootEvent).data =
      fakes::VariableData(fakes::kGlobalGuid, "SecureBoot", Bytes{0});
  EXPECT_EQ(Of(builder).state, State::kUnknown);
}

TEST(SecureBootChecks, E34_ASecondSecureBootVariableIsRefused) {
  for (const uint8_t first : {uint8_t{0}, uint8_t{1}}) {
    for (const uint8_t second : {uint8_t{0}, uint8_t{1}}) {
      EventLogBuilder builder = WithSecureBoot(Bytes{first});
      EventLogBuilder more;
      more.AddVariable(fakes::kGlobalGuid, "SecureBoot", Bytes{second});
      builder.events.insert(builder.events.begin() + kSecureBootEvent, more.events.front());
      const SecureBoot result = Of(builder);
      EXPECT_EQ(result.state, State::kUnknown);
      EXPECT_EQ(result.check, "B2");
      EXPECT_EQ(result.event, kSecureBootEvent + 1);
    }
  }
}

TEST(SecureBootChecks, B02_ASecondVariableOfAnyNameIsRefused) {
  for (const uint32_t number : {3U, 4U, 5U, kDbxEvent}) {
    EventLogBuilder builder = fakes::SecureBootLog();
    const EventLogBuilder::Event copy = At(builder, number);
    builder.events.insert(builder.events.begin() + number, copy);
    const BootFacts facts = FactsOf(builder);
    EXPECT_EQ(facts.secure_boot.state, State::kUnknown);
    EXPECT_EQ(facts.secure_boot.check, "B2");
    EXPECT_EQ(facts.pk.usable() && facts.kek.usable() && facts.db.usable() && facts.dbx.usable(),
              false);
  }
}

TEST(SecureBootChecks, B02_TheSameNameUnderAnotherGuidIsAnotherVariable) {
  EventLogBuilder builder = fakes::SecureBootLog();
  EventLogBuilder more;
  more.AddVariable(fakes::kShimGuid, "dbx", Bytes{1});
  builder.events.insert(builder.events.begin(), more.events.front());
  EXPECT_EQ(Of(builder).state, State::kEnabled);
}

TEST(SecureBootChecks, E34_AVariableAfterTheSeparatorIsRefused) {
  EventLogBuilder appended = WithSecureBoot(Bytes{1});
  appended.AddVariable(fakes::kGlobalGuid, "AuditMode", Bytes{0});
  EXPECT_EQ(Of(appended).state, State::kUnknown);
  EXPECT_EQ(Of(appended).check, "B2");

  EventLogBuilder moved = fakes::SecureBootLog();
  const EventLogBuilder::Event variable = At(moved, kSecureBootEvent);
  Drop(moved, kSecureBootEvent);
  moved.events.push_back(variable);
  EXPECT_EQ(Of(moved).state, State::kUnknown);

  EventLogBuilder off = WithSecureBoot(Bytes{0});
  const EventLogBuilder::Event zero = At(off, kSecureBootEvent);
  Drop(off, kSecureBootEvent);
  off.events.push_back(zero);
  EXPECT_EQ(Of(off).state, State::kUnknown);
}

TEST(SecureBootChecks, E34_TwoSeparatorsOrOneOfAnErrorAreRefused) {
  EventLogBuilder two = fakes::SecureBootLog();
  two.AddSeparator(7);
  EXPECT_EQ(Of(two).state, State::kUnknown);
  EXPECT_EQ(Of(two).check, "L11");
  EventLogBuilder error = fakes::SecureBootLog();
  SetData(At(error, kFence7Event), Bytes(4, 0xFF));
  EXPECT_EQ(Of(error).state, State::kUnknown);
  EventLogBuilder none = fakes::SecureBootLog();
  Drop(none, kFence7Event);
  EXPECT_EQ(Of(none).state, State::kUnknown);
}

TEST(SecureBootChecks, E34_AMovedFenceProvesNotEvenDisabled) {
  EventLogBuilder two = WithSecureBoot(Bytes{0});
  two.AddSeparator(7);
  EXPECT_EQ(Of(two).state, State::kUnknown);
  EXPECT_EQ(Of(two).check, "L11");
  EventLogBuilder misplaced = WithSecureBoot(Bytes{0});
  misplaced.AddText(7, EventType::kIpl, "x");
  EXPECT_EQ(Of(misplaced).state, State::kUnknown);
  EXPECT_EQ(Of(misplaced).check, "L2");
}

// Whatever is written over data and types of a boot without Secure Boot, the digests stay.
TEST(SecureBootChecks, E33_NoByteAndNoTypeTurnsABootWithoutSecureBootIntoOneWithIt) {
  const EventLogBuilder off = WithSecureBoot(Bytes{0});
  const EventLogBuilder on = fakes::SecureBootLog();
  for (size_t i = 0; i < off.events.size(); ++i) {
    if (off.events[i].pcr != 7) {
      continue;
    }
    EventLogBuilder changed = off;
    for (uint8_t& byte : changed.events[i].data) {
      byte ^= 1U;
      EXPECT_NE(Of(changed).state, State::kEnabled) << i;
      byte ^= 1U;
    }
    for (const auto& other : on.events) {
      changed.events[i].data = other.data;
      changed.events[i].type = other.type;
      EXPECT_NE(Of(changed).state, State::kEnabled) << i;
    }
  }
  EventLogBuilder all = off;
  for (size_t i = 0; i < off.events.size(); ++i) {
    all.events[i].data = on.events[i].data;
  }
  EXPECT_EQ(Of(all).state, State::kUnknown);
}

// The real events are kept, so that the replay holds, under a type that nobody reads; what the
// attacker would rather have measured is appended and extended.
TEST(SecureBootChecks, E32_RetypedEventsAndACopyBehindThemAreRefused) {
  for (const EventType disguise :
       {EventType::kUnused, EventType::kEfiAction, EventType::kEfiVariableAuthority,
        EventType::kEfiSpdmDevicePolicy, EventType{0x1234}}) {
    for (const bool keep_fence : {false, true}) {
      EventLogBuilder builder = WithSecureBoot(Bytes{0});
      for (auto& event : builder.events) {
        const bool fence = event.type == EventType::kSeparator;
        if (event.pcr == 7 && !(fence && keep_fence)) {
          event.type = disguise;
        }
      }
      for (const auto& event : fakes::SecureBootLog().events) {
        if (event.pcr == 7) {
          builder.events.push_back(event);
        }
      }
      EXPECT_EQ(Of(builder).state, State::kUnknown) << EventTypeName(disguise) << keep_fence;
    }
  }
}

TEST(SecureBootChecks, E32_ARealSeparatorUnderTheNoActionTypeBreaksTheReplay) {
  EventLogBuilder builder = fakes::SecureBootLog();
  const auto good = ReplayBank(ParseGood(builder), kSha256).pcrs[7];
  At(builder, kFence7Event).type = EventType::kNoAction;
  EXPECT_NE(ReplayBank(ParseGood(builder), kSha256).pcrs[7], good);
}

TEST(SecureBootChecks, B03_KeysMustBeThereAndNotEmpty) {
  for (const uint32_t number : {3U, 4U, 5U}) {
    EventLogBuilder missing = fakes::SecureBootLog();
    Drop(missing, number);
    EXPECT_EQ(Of(missing).state, State::kUnknown) << number;
    EXPECT_EQ(Of(missing).check, "B3");
    EXPECT_THAT(Of(missing).why, HasSubstr("not in the log"));

    EventLogBuilder empty = fakes::SecureBootLog();
    const std::string_view name = number == 3 ? "PK" : number == 4 ? "KEK" : "db";
    SetData(At(empty, number),
            fakes::VariableData(number == 5 ? fakes::kSecurityGuid : fakes::kGlobalGuid, name, {}));
    EXPECT_EQ(Of(empty).state, State::kUnknown) << number;
    EXPECT_EQ(Of(empty).check, "B3");

    EventLogBuilder uncovered = fakes::SecureBootLog();
    At(uncovered, number).digests[static_cast<uint16_t>(kSha256)][0] ^= 1U;
    EXPECT_EQ(Of(uncovered).state, State::kUnknown) << number;
  }
}

TEST(SecureBootChecks, B03_AnEmptyOrMissingDbxIsNoMatterOfSecureBoot) {
  EventLogBuilder builder = fakes::SecureBootLog();
  Drop(builder, kDbxEvent);
  const BootFacts facts = FactsOf(builder);
  EXPECT_EQ(facts.secure_boot.state, State::kEnabled);
  EXPECT_FALSE(facts.dbx.usable());
  EXPECT_FALSE(facts.dbx.event.has_value());
}

TEST(SecureBootChecks, B03_SomethingMustHaveBeenLetPass) {
  EventLogBuilder builder = fakes::SecureBootLog();
  Drop(builder, kDbAuthorityEvent);
  const SecureBoot result = Of(builder);
  EXPECT_EQ(result.state, State::kUnknown);
  EXPECT_EQ(result.check, "B3");
}

TEST(SecureBootChecks, B03_AnAuthorityBeforeTheSeparatorCountsAndIsToldApart) {
  EventLogBuilder builder = fakes::SecureBootLog();
  const EventLogBuilder::Event authority = At(builder, kDbAuthorityEvent);
  Drop(builder, kDbAuthorityEvent);
  builder.events.insert(builder.events.begin() + kDbxEvent, authority);
  const BootFacts facts = FactsOf(builder);
  EXPECT_EQ(facts.secure_boot.state, State::kEnabled) << facts.secure_boot.why;
  ASSERT_EQ(facts.authorities.items.size(), 2U);
  EXPECT_TRUE(facts.authorities.items[0].before_separator);
  EXPECT_FALSE(facts.authorities.items[1].before_separator);
}

TEST(SecureBootChecks, B05_DebugModeIsRefused) {
  for (const EventType type : {EventType::kEfiAction, EventType::kEfiVariableAuthority}) {
    EventLogBuilder builder;
    builder.AddText(7, type, "UEFI Debug Mode");
    EventLogBuilder log = fakes::SecureBootLog();
    log.events.insert(log.events.begin(), builder.events.front());
    const BootFacts facts = FactsOf(log);
    EXPECT_TRUE(facts.secure_boot.debug_mode);
    EXPECT_EQ(facts.secure_boot.state, State::kUnknown);
    EXPECT_EQ(facts.secure_boot.check, "B5");
  }
}

TEST(SecureBootChecks, B05_DebugModeIsKnownByItsDigestAndByItsText) {
  EventLogBuilder hidden;
  hidden.Add(7, EventType::kEfiVariableAuthority, AsBytes("innocent"), AsBytes("UEFI Debug Mode"));
  hidden.Add(7, EventType::kEfiAction, AsBytes("UEFI Debug Mode"), AsBytes("another"));
  for (const auto& event : hidden.events) {
    EventLogBuilder log = fakes::SecureBootLog();
    log.events.insert(log.events.begin(), event);
    EXPECT_TRUE(Of(log).debug_mode);
    EXPECT_EQ(Of(log).state, State::kUnknown);
  }
}

TEST(SecureBootChecks, B05_DisabledDmaProtectionIsSurfaced) {
  EventLogBuilder log = fakes::SecureBootLog();
  EXPECT_FALSE(Of(log).dma_protection_disabled);
  log.AddText(7, EventType::kEfiAction, "DMA Protection Disabled");
  const BootFacts facts = FactsOf(log);
  EXPECT_TRUE(facts.secure_boot.dma_protection_disabled);
  EXPECT_EQ(facts.secure_boot.state, State::kEnabled);
  EXPECT_EQ(facts.problems.items[0].severity, Severity::kNotice);
}

TEST(SecureBootChecks, B05_OtherActionsAreNoticedAndMustBeWhatTheySay) {
  EventLogBuilder proven = fakes::SecureBootLog();
  proven.AddText(7, EventType::kEfiAction, "HP vendor action");
  EXPECT_EQ(Of(proven).state, State::kEnabled);
  EXPECT_EQ(FactsOf(proven).problems.items[0].check, "B5");

  EventLogBuilder unproven = fakes::SecureBootLog();
  unproven.Add(7, EventType::kEfiAction, AsBytes("HP vendor action"), AsBytes("another"));
  EXPECT_EQ(Of(unproven).state, State::kUnknown);
  EXPECT_EQ(Of(unproven).check, "L3");
}

TEST(SecureBootChecks, B06_DatabasesAndSbatLevelAreReadWhenCovered) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  ASSERT_TRUE(facts.dbx.usable());
  EXPECT_EQ(facts.dbx.event, kDbxEvent);
  ASSERT_EQ(facts.dbx.entries.items.size(), 2U);
  EXPECT_EQ(facts.dbx.entries.items[1].kind, SignatureKind::kSha256);
  EXPECT_EQ(facts.dbx.entries.items[1].value, Bytes(32, 0xA2));
  ASSERT_EQ(facts.db.entries.items.size(), 1U);
  EXPECT_EQ(facts.db.entries.items[0].kind, SignatureKind::kCertificate);
  EXPECT_EQ(facts.db.entries.items[0].value, crypto::Digest(kSha256, {fakes::FakeCertificate(3)}));
  EXPECT_EQ(ToString(facts.db.entries.items[0].owner), fakes::kOwnerGuid);
  ASSERT_TRUE(facts.sbat_level.has_value());
  EXPECT_EQ(facts.sbat_level->text, "sbat,1,2023012900");
}

TEST(SecureBootChecks, B06_AnUncoveredDatabaseOrSbatLevelIsNotRead) {
  EventLogBuilder builder = fakes::SecureBootLog();
  const Bytes entries = fakes::SignatureList(fakes::kSha256ListGuid, {Bytes(32, 0xEE)});
  At(builder, kDbxEvent).data = fakes::VariableData(fakes::kSecurityGuid, "dbx", entries);
  At(builder, 18).data =
      fakes::VariableData(fakes::kShimGuid, "SbatLevel", AsBytes("sbat,1,2099010100"));
  const BootFacts facts = FactsOf(builder);
  EXPECT_TRUE(facts.dbx.event.has_value());
  EXPECT_FALSE(facts.dbx.covered);
  EXPECT_FALSE(facts.dbx.usable());
  EXPECT_TRUE(facts.dbx.entries.items.empty());
  EXPECT_FALSE(facts.sbat_level.has_value());
  EXPECT_EQ(facts.FirstProblem(7, Severity::kDenies)->check, "L3");
}

TEST(SecureBootChecks, B06_AMissingDbxOfARealLogIsSeen) {
  const BootFacts facts =
      ReadFacts(RecordedLog("go-tpm-tools--ubuntu-2104-no-dbx.bin"), tcg::AlgorithmId::kSha384);
  EXPECT_TRUE(facts.dbx.entries.items.empty());
}

TEST(SecureBootChecks, B04_ADatabaseThatCannotBeReadIsAProblem) {
  EventLogBuilder builder = fakes::SecureBootLog();
  SetData(At(builder, 5), fakes::VariableData(fakes::kSecurityGuid, "db", Bytes(27, 1)));
  const BootFacts facts = FactsOf(builder);
  EXPECT_FALSE(facts.db.usable());
  EXPECT_EQ(facts.secure_boot.state, State::kUnknown);
  EXPECT_EQ(facts.secure_boot.check, "B4");
}

TEST(SecureBootChecks, AuthoritiesTellTheirCertificateOnlyWhenCovered) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  ASSERT_EQ(facts.authorities.items.size(), 2U);
  const Authority& db = facts.authorities.items[0];
  EXPECT_EQ(db.event, kDbAuthorityEvent);
  EXPECT_EQ(db.variable, "db");
  EXPECT_TRUE(db.covered);
  ASSERT_TRUE(db.entry.has_value());
  EXPECT_EQ(db.entry->value, facts.db.entries.items[0].value);

  EventLogBuilder changed = fakes::SecureBootLog();
  Bytes other = ToBytes(GuidFromText(fakes::kOwnerGuid).bytes);
  Append(other, fakes::FakeCertificate(9));
  At(changed, kDbAuthorityEvent).data = fakes::VariableData(fakes::kSecurityGuid, "db", other);
  const BootFacts lied = FactsOf(changed);
  EXPECT_FALSE(lied.authorities.items[0].covered);
  EXPECT_FALSE(lied.authorities.items[0].entry.has_value());
}

TEST(SecureBootChecks, AnAuthorityHashedWithoutItsLastByteDoesNotProveThatByte) {
  const Bytes certificate = fakes::FakeCertificate(7);
  Bytes longer = certificate;
  longer.push_back(0);
  const Bytes data = fakes::VariableData(fakes::kShimGuid, "Shim", longer);
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(7, EventType::kEfiVariableAuthority, data, ByteSpan(data).first(data.size() - 1));
  EXPECT_EQ(FactsOf(builder).authorities.items[2].entry->value,
            crypto::Digest(kSha256, {certificate}));

  const Bytes tight = fakes::VariableData(fakes::kShimGuid, "Shim", certificate);
  EventLogBuilder cut = fakes::SecureBootLog();
  cut.Add(7, EventType::kEfiVariableAuthority, tight, ByteSpan(tight).first(tight.size() - 1));
  EXPECT_FALSE(FactsOf(cut).authorities.items[2].entry.has_value());
}

TEST(SecureBootChecks, L01_ABankThatCannotBeReplayedProvesNothing) {
  EventLogBuilder builder = fakes::SecureBootLog({kSha256, tcg::AlgorithmId::kSha384});
  builder.events.back().digests.erase(static_cast<uint16_t>(kSha256));
  const EventLog log = ParseGood(builder);
  EXPECT_EQ(ReadFacts(log, kSha256).secure_boot.state, State::kUnknown);
  EXPECT_EQ(ReadFacts(log, kSha256).secure_boot.check, "L1");
  EXPECT_EQ(ReadFacts(log, tcg::AlgorithmId::kSha384).secure_boot.state, State::kEnabled);
  EXPECT_EQ(ReadFacts(log, tcg::AlgorithmId::kSha512).secure_boot.state, State::kUnknown);
}

}  // namespace
}  // namespace plimsoll::eventlog
