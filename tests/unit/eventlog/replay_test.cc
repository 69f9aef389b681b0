#include "eventlog/replay.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "read_log.h"

namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;

Bytes Sha256(std::initializer_list<ByteSpan> parts) { return crypto::Digest(kSha256, parts); }

Bytes StartWith(uint8_t locality) {
  Bytes start(32);
  start.back() = locality;
  return start;
}

TEST(ReplayChecks, L01_ExtendsEveryDigestInOrder) {
  EventLogBuilder builder;
  builder.AddText(4, EventType::kEfiAction, "a").AddSeparator(5).AddText(4, EventType::kIpl, "b");
  const Replay replay = ReplayBank(ParseGood(builder), kSha256);
  const Bytes first = Sha256({Bytes(32), Sha256({AsBytes("a")})});
  EXPECT_EQ(replay.pcrs[4], Sha256({first, Sha256({AsBytes("b")})}));
  EXPECT_EQ(replay.pcrs[5], Sha256({Bytes(32), Sha256({Bytes(4)})}));
  EXPECT_TRUE(replay.usable());
}

TEST(ReplayChecks, L13_APcrWithoutEventsHasNoValue) {
  EventLogBuilder builder;
  builder.AddSeparator(5).AddNoAction(6, Bytes(8));
  const EventLog log = ParseGood(builder);
  const Replay replay = ReplayBank(log, kSha256);
  for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr) {
    EXPECT_EQ(replay.pcrs[pcr].has_value(), pcr == 5) << pcr;
  }
  EXPECT_EQ(ReadFacts(log, kSha256).pcrs_with_events, 1U << 5);
}

TEST(ReplayChecks, L04_EventsOfNoActionAreNeverExtended) {
  EventLogBuilder builder;
  builder.AddSeparator(7);
  const Replay without = ReplayBank(ParseGood(builder), kSha256);
  builder.Add(7, EventType::kNoAction, AsBytes("not extended"));
  const EventLog log = ParseGood(builder);
  EXPECT_EQ(ReplayBank(log, kSha256).pcrs, without.pcrs);
}

TEST(ReplayChecks, L04_ADigestOfNoActionThatIsNotZeroIsNoticed) {
  EventLogBuilder builder = fakes::SecureBootLog();
  EXPECT_TRUE(FactsOf(builder).problems.items.empty());
  builder.Add(3, EventType::kNoAction, AsBytes("not extended"));
  const BootFacts facts = FactsOf(builder);
  ASSERT_EQ(facts.problems.items.size(), 1U);
  EXPECT_EQ(facts.problems.items[0].check, "L4");
  EXPECT_EQ(facts.problems.items[0].severity, Severity::kNotice);
  EXPECT_EQ(facts.problems.items[0].event, 28U);
}

TEST(ReplayChecks, L04_Pcr0BeginsWithTheStartupLocality) {
  for (const uint8_t locality : {uint8_t{0}, uint8_t{3}, uint8_t{4}}) {
    EventLogBuilder builder;
    builder.AddStartupLocality(locality).AddSeparator(0).AddSeparator(1);
    const Replay replay = ReplayBank(ParseGood(builder), kSha256);
    EXPECT_EQ(replay.pcrs[0], Sha256({StartWith(locality), Sha256({Bytes(4)})}));
    EXPECT_EQ(replay.pcrs[1], Sha256({StartWith(0), Sha256({Bytes(4)})}));
  }
}

TEST(ReplayChecks, L05_AnHcrtmEventWithoutALocalityStartsPcr0AtFour) {
  EventLogBuilder builder;
  builder.AddText(0, EventType::kEfiHcrtmEvent, "HCRTM").AddSeparator(0);
  const Bytes first = Sha256({StartWith(4), Sha256({AsBytes("HCRTM")})});
  EXPECT_EQ(ReplayBank(ParseGood(builder), kSha256).pcrs[0], Sha256({first, Sha256({Bytes(4)})}));
}

TEST(ReplayChecks, L05_OnlyAFirstHcrtmEventAndOnlyWithoutALocality) {
  EventLogBuilder later;
  later.AddSeparator(0).AddText(0, EventType::kEfiHcrtmEvent, "HCRTM");
  const Bytes first = Sha256({StartWith(0), Sha256({Bytes(4)})});
  EXPECT_EQ(ReplayBank(ParseGood(later), kSha256).pcrs[0],
            Sha256({first, Sha256({AsBytes("HCRTM")})}));
  EventLogBuilder named;
  named.AddStartupLocality(3).AddText(0, EventType::kEfiHcrtmEvent, "HCRTM");
  EXPECT_EQ(ReplayBank(ParseGood(named), kSha256).pcrs[0],
            Sha256({StartWith(3), Sha256({AsBytes("HCRTM")})}));
}

TEST(ReplayChecks, L07_ABankThatIsNotDeclaredHasNoReplay) {
  const Replay replay = ReplayBank(ParseGood(fakes::SecureBootLog()), tcg::AlgorithmId::kSha384);
  EXPECT_FALSE(replay.declared);
  EXPECT_FALSE(replay.usable());
  for (const auto& value : replay.pcrs) {
    EXPECT_FALSE(value.has_value());
  }
}

TEST(ReplayChecks, EveryBankIsReplayedByItsOwnHash) {
  const std::vector<tcg::AlgorithmId> banks = {
      tcg::AlgorithmId::kSha1, kSha256, tcg::AlgorithmId::kSha384, tcg::AlgorithmId::kSha512};
  const EventLog log = ParseGood(fakes::SecureBootLog(banks));
  for (const tcg::AlgorithmId bank : banks) {
    const Replay replay = ReplayBank(log, bank);
    EXPECT_EQ(replay.pcrs[3], crypto::Digest(bank, {Bytes(tcg::DigestSize(bank)),
                                                    crypto::Digest(bank, {Bytes(4)})}));
  }
}

// E31: each event of a real log, dropped, doubled, swapped with the next one of its PCR, or given
// another digest, leads to other PCRs.
TEST(ReplayChecks, E31_EveryChangeOfAnEventIsSeen) {
  const auto builder = EventLogBuilder::From(
      fakes::ReadTestData("event-logs/keylime--binary_bios_measurements-secureboot"));
  const auto good = ReplayBank(ParseGood(builder), kSha256).pcrs;
  size_t tried = 0;
  for (size_t i = 0; i < builder.events.size(); ++i) {
    const auto& event = builder.events[i];
    if (event.type == EventType::kNoAction) {
      continue;
    }
    EventLogBuilder dropped = builder;
    dropped.events.erase(dropped.events.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(ReplayBank(ParseGood(dropped), kSha256).pcrs[event.pcr], good[event.pcr]) << i;

    EventLogBuilder doubled = builder;
    doubled.events.insert(doubled.events.begin() + static_cast<std::ptrdiff_t>(i), event);
    EXPECT_NE(ReplayBank(ParseGood(doubled), kSha256).pcrs[event.pcr], good[event.pcr]) << i;

    EventLogBuilder flipped = builder;
    flipped.events[i].digests.begin()->second[7] ^= 0x10U;
    EXPECT_NE(ReplayBank(ParseGood(flipped), kSha256).pcrs[event.pcr], good[event.pcr]) << i;

    for (size_t j = i + 1; j < builder.events.size(); ++j) {
      const auto& other = builder.events[j];
      if (other.pcr == event.pcr && other.type != EventType::kNoAction) {
        EventLogBuilder swapped = builder;
        std::swap(swapped.events[i], swapped.events[j]);
        EXPECT_EQ(ReplayBank(ParseGood(swapped), kSha256).pcrs[event.pcr] == good[event.pcr],
                  other.digests == event.digests)
            << i;
        break;
      }
    }
    ++tried;
  }
  EXPECT_GT(tried, 90U);
}

TEST(ReplayChecks, PhasesAreExtendedWordByWord) {
  const Bytes start(32, 1);
  const Bytes one = Sha256({start, Sha256({AsBytes("enter-initrd")})});
  const Bytes two = Sha256({one, Sha256({AsBytes("leave-initrd")})});
  EXPECT_EQ(ExtendPhases(kSha256, start, ""), start);
  EXPECT_EQ(ExtendPhases(kSha256, start, "enter-initrd"), one);
  EXPECT_EQ(ExtendPhases(kSha256, start, "enter-initrd:leave-initrd"), two);
  EXPECT_NE(ExtendPhases(kSha256, start, "leave-initrd:enter-initrd"), two);
}

}  // namespace
}  // namespace plimsoll::eventlog
