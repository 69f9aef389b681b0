#include "eventlog/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read_log.h"

// The structure of logs: L4-L6, L8-L10, L15, L16.
namespace plimsoll::eventlog {
namespace {

using fakes::AppendLittleEndian;
using fakes::EventLogBuilder;
using ::testing::HasSubstr;
using Kind = Refusal::Kind;

Bytes SpecId(std::vector<std::pair<uint16_t, uint16_t>> banks, Bytes version = {0, 2, 0, 2},
             std::string_view signature = std::string_view("Spec ID Event03\0", 16)) {
  Bytes data = ToBytes(AsBytes(signature));
  AppendLittleEndian(data, 0, 4);
  Append(data, version);
  AppendLittleEndian(data, banks.size(), 4);
  for (const auto& [number, size] : banks) {
    AppendLittleEndian(data, number, 2);
    AppendLittleEndian(data, size, 2);
  }
  data.push_back(0);
  return data;
}

// A header and, behind it, one event with a digest for each declared algorithm.
Bytes LogWith(ByteSpan spec_id, std::vector<std::pair<uint16_t, uint16_t>> digests) {
  Bytes log = EventLogBuilder::Header(spec_id);
  AppendLittleEndian(log, 4, 4);
  AppendLittleEndian(log, 0x0D, 4);
  AppendLittleEndian(log, digests.size(), 4);
  for (const auto& [number, size] : digests) {
    AppendLittleEndian(log, number, 2);
    Append(log, Bytes(size, 0x5A));
  }
  AppendLittleEndian(log, 0, 4);
  return log;
}

constexpr std::pair<uint16_t, uint16_t> kSha256Bank = {0x0B, 32};

TEST(EventLogChecks, ReadsWhatTheHeaderAndTheEventsSay) {
  EventLogBuilder builder({tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256});
  builder.AddText(4, EventType::kEfiAction, "boot").AddSeparator(5);
  const Bytes bytes = builder.Build();
  const EventLog log = ParseGood(bytes);
  EXPECT_EQ(log.format(), Format::kCryptoAgile);
  ASSERT_EQ(log.banks().size(), 2U);
  EXPECT_EQ(log.banks()[1].algorithm, tcg::AlgorithmId::kSha256);
  ASSERT_EQ(log.events().size(), 3U);
  const Event& event = log.events()[1];
  EXPECT_EQ(event.index, 1U);
  EXPECT_EQ(event.pcr, 4U);
  EXPECT_EQ(event.type, EventType::kEfiAction);
  EXPECT_EQ(AsText(event.data), "boot");
  EXPECT_EQ(AsText(ByteSpan(bytes).subspan(event.offset, 4)), "boot");
  EXPECT_EQ(ToBytes(log.DigestOf(event, tcg::AlgorithmId::kSha1)),
            crypto::Digest(tcg::AlgorithmId::kSha1, {AsBytes("boot")}));
  EXPECT_EQ(ToBytes(log.DigestOf(event, tcg::AlgorithmId::kSha256)),
            crypto::Digest(tcg::AlgorithmId::kSha256, {AsBytes("boot")}));
  EXPECT_TRUE(log.DigestOf(event, tcg::AlgorithmId::kSha384).empty());
  EXPECT_EQ(log.StrongestBank(), tcg::AlgorithmId::kSha256);
}

TEST(EventLogChecks, ViewsSurviveAMove) {
  EventLog first = ParseGood(fakes::SecureBootLog());
  const Bytes digest = ToBytes(first.DigestOf(first.events()[1], kSha256));
  const EventLog second = std::move(first);
  EXPECT_EQ(ToBytes(second.DigestOf(second.events()[1], kSha256)), digest);
  EXPECT_EQ(ToBytes(second.events()[1].data), fakes::Utf16("fw 1.0"));
}

TEST(EventLogChecks, ALogOfNoBytesOrItsHeaderAloneIsEmpty) {
  EXPECT_EQ(ParseBad(ByteSpan{}).kind, Kind::kEmpty);
  EXPECT_EQ(ParseBad(EventLogBuilder().Header()).kind, Kind::kEmpty);
  EXPECT_EQ(ParseBad(Bytes(4096, 0xFF)).kind, Kind::kEmpty);
  Bytes padded = EventLogBuilder().Header();
  padded.resize(4096, 0xFF);
  EXPECT_EQ(ParseBad(padded).kind, Kind::kEmpty);
  Bytes old = ToBytes(AsBytes(std::string_view("Spec ID Event02\0", 16)));
  old.resize(25);
  EXPECT_EQ(ParseBad(EventLogBuilder::Header(old)).kind, Kind::kEmpty);
}

TEST(EventLogChecks, L09_EveryCutIsTruncatedOrALogOfFewerEvents) {
  const EventLogBuilder builder = fakes::SecureBootLog();
  const Bytes bytes = builder.Build();
  std::vector<size_t> ends = {builder.Header().size()};
  for (const auto& event : builder.events) {
    ends.push_back(ends.back() + builder.Encode(event).size());
  }
  for (size_t size = 1; size < bytes.size(); ++size) {
    const auto log = EventLog::Parse(ByteSpan(bytes).first(size));
    const auto end = std::find(ends.begin(), ends.end(), size);
    if (end == ends.end()) {
      // The first bytes of an event of PCR 0 cannot be told from padding.
      const bool padding = log && log->content_size() < size;
      EXPECT_TRUE(padding || (!log && (log.error().kind == Kind::kTruncated ||
                                       log.error().kind == Kind::kEmpty)))
          << size;
    } else if (end != ends.begin()) {
      ASSERT_TRUE(log.has_value()) << size;
      EXPECT_EQ(log->events().size(), static_cast<size_t>(end - ends.begin()) + 1);
    }
  }
}

TEST(EventLogChecks, L09_ASizeOfThreeGigabytesIsTruncatedAndNotAllocated) {
  EventLogBuilder builder;
  builder.AddText(4, EventType::kEfiAction, "boot");
  Bytes bytes = builder.Build();
  bytes[bytes.size() - 5] = 0xC0;
  const Refusal refusal = ParseBad(bytes);
  EXPECT_EQ(refusal.kind, Kind::kTruncated);
  EXPECT_EQ(refusal.event, 1U);
  EXPECT_THAT(refusal.message, HasSubstr("runs over the end"));
}

TEST(EventLogChecks, L09_RefusesALogAboveItsLimits) {
  EventLogBuilder builder;
  builder.Add(4, EventType::kIpl, Bytes(kMaxLogBytes));
  EXPECT_EQ(ParseBad(builder).kind, Kind::kMalformed);

  EventLogBuilder many;
  for (size_t i = 0; i + 1 < kMaxEvents; ++i) {
    many.Add(4, EventType::kIpl, {});
  }
  EXPECT_EQ(ParseGood(many).events().size(), kMaxEvents);
  many.Add(4, EventType::kIpl, {});
  const Refusal refusal = ParseBad(many);
  EXPECT_EQ(refusal.kind, Kind::kMalformed);
  EXPECT_THAT(refusal.message, HasSubstr("more than 10000 events"));
}

TEST(EventLogChecks, L06_RefusesAHeaderThatIsNotOfVersion2) {
  EXPECT_TRUE(EventLog::Parse(LogWith(SpecId({kSha256Bank}), {kSha256Bank})));
  for (const Bytes& version : {Bytes{0, 1, 0, 2}, Bytes{1, 2, 0, 2}, Bytes{0, 3, 0, 2}}) {
    const Refusal refusal = ParseBad(LogWith(SpecId({kSha256Bank}, version), {kSha256Bank}));
    EXPECT_EQ(refusal.kind, Kind::kMalformed);
    EXPECT_THAT(refusal.message, HasSubstr("only 2.0 is known"));
  }
  // Errata and uintnSize change nothing about how a log is read.
  EXPECT_TRUE(EventLog::Parse(LogWith(SpecId({kSha256Bank}, {0, 2, 105, 0}), {kSha256Bank})));
}

TEST(EventLogChecks, L06_RefusesASignatureThatIsNotKnown) {
  const Bytes spec = SpecId({kSha256Bank}, {0, 2, 0, 2}, std::string_view("Spec ID Event04\0", 16));
  EXPECT_THAT(ParseBad(LogWith(spec, {kSha256Bank})).message, HasSubstr("version"));
  Bytes elsewhere = LogWith(SpecId({kSha256Bank}), {kSha256Bank});
  elsewhere[0] = 2;
  EXPECT_THAT(ParseBad(elsewhere).message, HasSubstr("PCR 2 instead of 0"));
}

TEST(EventLogChecks, L06_RefusesNoAlgorithmAndTooMany) {
  EXPECT_THAT(ParseBad(LogWith(SpecId({}), {})).message, HasSubstr("1 to 8"));
  std::vector<std::pair<uint16_t, uint16_t>> many;
  for (uint16_t i = 0; i < 8; ++i) {
    many.emplace_back(0x7000 + i, 32);
  }
  EXPECT_TRUE(EventLog::Parse(LogWith(SpecId(many), many)));
  many.emplace_back(0x7100, 32);
  EXPECT_THAT(ParseBad(LogWith(SpecId(many), many)).message, HasSubstr("9 digest algorithms"));
}

TEST(EventLogChecks, L06_RefusesANumberOfAlgorithmsBeyondTheHeader) {
  Bytes spec = SpecId({kSha256Bank});
  spec[24] = 4;
  EXPECT_THAT(ParseBad(EventLogBuilder::Header(spec)).message,
              HasSubstr("within its list of algorithms"));
  spec[27] = 0xFF;
  EXPECT_THAT(ParseBad(EventLogBuilder::Header(spec)).message, HasSubstr("1 to 8"));
}

TEST(EventLogChecks, L06_RefusesASizeThatIsNotTheAlgorithms) {
  for (const auto& bank : {std::pair<uint16_t, uint16_t>{0x0B, 20},
                           {0x04, 32},
                           {0x12, 31},
                           {0x27, 48},
                           {0x7000, 0},
                           {0x7000, 65}}) {
    EXPECT_THAT(ParseBad(LogWith(SpecId({bank}), {bank})).message, HasSubstr("digests of"))
        << bank.first;
  }
  EXPECT_THAT(ParseBad(LogWith(SpecId({{0x01, 32}}), {{0x01, 32}})).message, HasSubstr("no hash"));
}

TEST(EventLogChecks, L06_RefusesAnAlgorithmDeclaredTwice) {
  EXPECT_THAT(ParseBad(LogWith(SpecId({kSha256Bank, kSha256Bank}), {kSha256Bank})).message,
              HasSubstr("twice"));
}

TEST(EventLogChecks, L06_RefusesBytesBehindTheHeadersVendorInformation) {
  Bytes spec = SpecId({kSha256Bank});
  spec.push_back(0x5A);
  EXPECT_EQ(ParseBad(LogWith(spec, {kSha256Bank})).kind, Kind::kMalformed);
  spec[spec.size() - 2] = 1;
  EXPECT_TRUE(EventLog::Parse(LogWith(spec, {kSha256Bank})));
  spec.resize(spec.size() - 2);
  EXPECT_EQ(ParseBad(LogWith(spec, {kSha256Bank})).kind, Kind::kMalformed);
}

TEST(EventLogChecks, L06_AnUnknownAlgorithmIsKeptAndSkipped) {
  const std::vector<std::pair<uint16_t, uint16_t>> banks = {{0x0012, 32}, kSha256Bank};
  const EventLog log = ParseGood(LogWith(SpecId(banks), banks));
  EXPECT_EQ(log.banks()[0].number, 0x12);
  EXPECT_FALSE(log.banks()[0].algorithm.has_value());
  EXPECT_EQ(log.DigestOf(log.events()[1], kSha256).size(), 32U);
  EXPECT_EQ(log.StrongestBank(), kSha256);
}

TEST(EventLogChecks, L06_RefusesAnEventWithoutDigestsWithTwoOfOneKindOrOfAnotherKind) {
  const Bytes spec = SpecId({{0x04, 20}, kSha256Bank});
  EXPECT_THAT(ParseBad(LogWith(spec, {})).message, HasSubstr("has 0 digests"));
  EXPECT_THAT(ParseBad(LogWith(spec, {kSha256Bank, kSha256Bank})).message,
              HasSubstr("two digests"));
  EXPECT_THAT(ParseBad(LogWith(spec, {{0x0C, 48}})).message, HasSubstr("does not declare"));
  EXPECT_THAT(ParseBad(LogWith(spec, {{0x04, 20}, kSha256Bank, {0x0C, 48}})).message,
              HasSubstr("has 3 digests"));
}

TEST(EventLogChecks, L06_ABankThatAnEventLacksIsVoid) {
  EventLogBuilder builder({tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256});
  builder.AddSeparator(0).AddSeparator(1);
  EXPECT_TRUE(ParseGood(builder).HasReplay(tcg::AlgorithmId::kSha1));
  builder.events[1].digests.erase(0x04);
  const EventLog log = ParseGood(builder);
  EXPECT_FALSE(log.HasReplay(tcg::AlgorithmId::kSha1));
  EXPECT_TRUE(log.HasReplay(kSha256));
  EXPECT_TRUE(ReplayBank(log, tcg::AlgorithmId::kSha1).is_void);
  EXPECT_EQ(log.StrongestBank(), kSha256);
}

TEST(EventLogChecks, L06_AnEventThatIsNotExtendedNeedsNoDigest) {
  EventLogBuilder builder;
  builder.AddNoAction(0, Bytes(49, 1)).AddSeparator(0);
  builder.events[0].digests.clear();
  EXPECT_TRUE(ParseGood(builder).HasReplay(kSha256));
}

TEST(EventLogChecks, L08_RefusesAPcrThatDoesNotExist) {
  for (const uint32_t pcr : {24U, 32U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    EventLogBuilder builder;
    builder.AddSeparator(0).AddText(pcr, EventType::kIpl, "x");
    const Refusal refusal = ParseBad(builder);
    EXPECT_EQ(refusal.kind, Kind::kMalformed) << pcr;
    EXPECT_EQ(refusal.event, 2U);
    EXPECT_THAT(refusal.message, HasSubstr("does not exist"));
  }
  EventLogBuilder last;
  last.AddText(23, EventType::kIpl, "x");
  EXPECT_TRUE(EventLog::Parse(last.Build()));
}

TEST(EventLogChecks, L08_TakesTheTrailerOfWindowsAboutNoPcr) {
  EventLogBuilder builder;
  builder.AddSeparator(0).AddNoAction(kNoPcr, Bytes(60, 7));
  const EventLog log = ParseGood(builder);
  EXPECT_EQ(log.events()[2].pcr, kNoPcr);
  EXPECT_EQ(ReadFacts(log, kSha256).pcrs_with_events, 1U);
  builder.AddNoAction(24, Bytes(60, 7));
  EXPECT_EQ(ParseBad(builder).kind, Kind::kMalformed);
}

TEST(EventLogChecks, L10_EventsWithoutDataAreLegal) {
  EventLogBuilder builder;
  builder.Add(4, EventType::kEfiBootServicesApplication, {});
  for (const EventType type :
       {EventType::kIpl, EventType::kEfiVariableDriverConfig, EventType::kEfiVariableAuthority,
        EventType::kEfiVariableBoot, EventType::kEventTag, EventType::kEfiGptEvent,
        EventType::kSeparator, EventType::kNoAction, EventType::kEfiAction}) {
    for (const uint32_t pcr : {0U, 1U, 4U, 5U, 7U, 8U, 9U, 11U, 12U, 14U}) {
      builder.Add(pcr, type, {});
    }
  }
  const EventLog log = ParseGood(builder);
  EXPECT_EQ(log.events().size(), 92U);
  ReadFacts(log, kSha256);
}

TEST(EventLogChecks, L15_PaddingOfOneFillerEndsTheLog) {
  for (const uint8_t filler : {uint8_t{0}, uint8_t{0xFF}}) {
    for (const size_t padding : {1U, 5U, 11U, 12U, 4000U}) {
      Bytes bytes = fakes::SecureBootLog().Build();
      const size_t size = bytes.size();
      bytes.resize(size + padding, filler);
      const EventLog log = ParseGood(bytes);
      EXPECT_EQ(log.events().size(), 28U);
      EXPECT_EQ(log.content_size(), size);
      EXPECT_EQ(log.bytes().size(), size + padding);
    }
  }
}

TEST(EventLogChecks, L15_RefusesAnythingBehindThePadding) {
  for (const uint8_t filler : {uint8_t{0}, uint8_t{0xFF}}) {
    Bytes bytes = fakes::SecureBootLog().Build();
    bytes.resize(bytes.size() + 100, filler);
    EventLogBuilder more;
    more.AddSeparator(4);
    Append(bytes, more.Encode(more.events.front()));
    const Refusal refusal = ParseBad(bytes);
    EXPECT_EQ(refusal.kind, Kind::kMalformed);
    EXPECT_THAT(refusal.message, HasSubstr("padding"));
    bytes.resize(bytes.size() - more.Encode(more.events.front()).size());
    bytes.back() = 1;
    EXPECT_EQ(ParseBad(bytes).kind, Kind::kMalformed);
  }
}

TEST(EventLogChecks, L15_RefusesRubbishBehindTheLastEvent) {
  Bytes bytes = fakes::SecureBootLog().Build();
  Append(bytes, Bytes{1, 2, 3});
  EXPECT_EQ(ParseBad(bytes).kind, Kind::kTruncated);
  bytes = fakes::SecureBootLog().Build();
  Append(bytes, Bytes(64, 0xAA));
  EXPECT_EQ(ParseBad(bytes).kind, Kind::kMalformed);
}

TEST(EventLogChecks, L16_RefusesALogAboutRegistersOfAConfidentialGuest) {
  for (const std::string_view name : {"SecureBoot", "PK", "KEK"}) {
    EventLogBuilder builder({tcg::AlgorithmId::kSha384});
    builder.AddVariable(fakes::kGlobalGuid, name, Bytes{1}, 1).AddSeparator(1);
    const Refusal refusal = ParseBad(builder);
    EXPECT_EQ(refusal.kind, Kind::kRuntimeRegisters) << name;
    EXPECT_EQ(ToString(refusal.kind), "RuntimeRegisterLog");
    EXPECT_EQ(refusal.event, 1U);
  }
}

TEST(EventLogChecks, L16_KnowsALogOfAConfidentialGuestByItsHeader) {
  Bytes log = LogWith(SpecId({kSha256Bank}), {kSha256Bank});
  log[0] = 1;
  const Refusal refusal = ParseBad(log);
  EXPECT_EQ(refusal.kind, Kind::kRuntimeRegisters);
  EXPECT_THAT(refusal.message, HasSubstr("header names register 1"));
  EXPECT_EQ(refusal.event, 0U);
}

TEST(EventLogChecks, L16_OtherVariablesOfPcr1AreConfiguration) {
  EventLogBuilder builder;
  builder.AddVariable(fakes::kGlobalGuid, "BootOrder", Bytes{1, 0}, 1);
  builder.AddVariable(fakes::kShimGuid, "SecureBoot", Bytes{1}, 1);
  EXPECT_TRUE(EventLog::Parse(builder.Build()));
}

TEST(EventLogChecks, L04_TakesTheLocalitiesThatExist) {
  for (const uint8_t locality : {uint8_t{0}, uint8_t{3}, uint8_t{4}}) {
    EventLogBuilder builder;
    builder.AddStartupLocality(locality).AddSeparator(0);
    EXPECT_EQ(ParseGood(builder).startup_locality(), locality);
  }
  EXPECT_FALSE(ParseGood(fakes::SecureBootLog()).startup_locality().has_value());
}

TEST(EventLogChecks, L04_RefusesAnotherLocality) {
  for (const uint8_t locality : {uint8_t{1}, uint8_t{2}, uint8_t{5}, uint8_t{0xFF}}) {
    EventLogBuilder builder;
    builder.AddStartupLocality(locality).AddSeparator(0);
    EXPECT_EQ(ParseBad(builder).kind, Kind::kMalformed);
    EXPECT_THAT(ParseBad(builder).message, HasSubstr("only 0, 3 and 4"));
  }
}

TEST(EventLogChecks, L04_RefusesASecondStartupLocality) {
  EventLogBuilder builder;
  builder.AddStartupLocality(3).AddStartupLocality(3).AddSeparator(0);
  EXPECT_THAT(ParseBad(builder).message, HasSubstr("second"));
}

TEST(EventLogChecks, L04_RefusesAStartupLocalityOfAnotherPcr) {
  for (const uint32_t pcr : {1U, 23U, kNoPcr}) {
    EventLogBuilder builder;
    builder.AddStartupLocality(3, pcr).AddSeparator(0);
    EXPECT_THAT(ParseBad(builder).message, HasSubstr("PCR 0")) << pcr;
  }
}

TEST(EventLogChecks, L04_RefusesAStartupLocalityAfterPcr0WasExtended) {
  EventLogBuilder builder;
  builder.Add(0, EventType::kSCrtmVersion, {}).AddStartupLocality(3).AddSeparator(0);
  EXPECT_THAT(ParseBad(builder).message, HasSubstr("after PCR 0"));
  EventLogBuilder other;
  other.AddSeparator(1).AddNoAction(0, {}).AddStartupLocality(3).AddSeparator(0);
  EXPECT_EQ(ParseGood(other).startup_locality(), 3);
}

TEST(EventLogChecks, L04_RefusesAStartupLocalityOfAnotherLength) {
  for (const size_t size : {15U, 16U, 18U, 49U}) {
    EventLogBuilder builder;
    Bytes data = ToBytes(AsBytes("StartupLocality"));
    data.resize(size);
    builder.AddNoAction(0, data).AddSeparator(0);
    EXPECT_THAT(ParseBad(builder).message, HasSubstr("17 bytes")) << size;
  }
  EventLogBuilder unended;
  unended.AddNoAction(0, AsBytes("StartupLocality_\3")).AddSeparator(0);
  EXPECT_THAT(ParseBad(unended).message, HasSubstr("17 bytes"));
}

TEST(EventLogChecks, L07_ReadsTheTpm12FormWithAndWithoutAHeader) {
  EventLogBuilder builder = EventLogBuilder::Tpm12();
  builder.Add(0, EventType::kSCrtmVersion, AsBytes("1")).AddSeparator(0);
  const EventLog plain = ParseGood(builder);
  EXPECT_EQ(plain.format(), Format::kTpm12);
  EXPECT_EQ(ToString(plain.format()), "TPM12Log");
  EXPECT_EQ(plain.events().size(), 2U);
  EXPECT_EQ(plain.StrongestBank(), tcg::AlgorithmId::kSha1);
  EXPECT_FALSE(plain.HasReplay(kSha256));
  EXPECT_EQ(plain.FindBank(kSha256), nullptr);

  for (const std::string_view signature :
       {std::string_view("Spec ID Event00\0", 16), std::string_view("Spec ID Event02\0", 16)}) {
    Bytes spec = ToBytes(AsBytes(signature));
    spec.resize(29);
    Bytes bytes = EventLogBuilder::Header(spec);
    Append(bytes, builder.Build());
    const EventLog log = ParseGood(bytes);
    EXPECT_EQ(log.format(), Format::kTpm12);
    EXPECT_EQ(log.events().size(), 3U);
    EXPECT_EQ(ReplayBank(log, tcg::AlgorithmId::kSha1).pcrs,
              ReplayBank(plain, tcg::AlgorithmId::kSha1).pcrs);
  }
}

}  // namespace
}  // namespace plimsoll::eventlog
