#include "eventlog/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read_log.h"

// L2, L11, L12.
namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;
using ::testing::HasSubstr;

TEST(PlacementChecks, L02_TypesHaveTheNamesOfTheSpecification) {
  EXPECT_EQ(EventTypeName(EventType::kEfiVariableDriverConfig), "EV_EFI_VARIABLE_DRIVER_CONFIG");
  EXPECT_EQ(EventTypeName(EventType::kNoAction), "EV_NO_ACTION");
  EXPECT_EQ(EventTypeName(EventType::kEfiHcrtmEvent), "EV_EFI_HCRTM_EVENT");
  EXPECT_EQ(EventTypeName(EventType{0x8401}), "0x00008401");
}

TEST(PlacementChecks, L02_AnUnknownOrMisplacedTypeIsAProblemOfItsPcr) {
  for (const auto& [pcr, type] :
       {std::pair(7U, EventType::kUnused), std::pair(7U, EventType{0x8401}),
        std::pair(7U, EventType::kIpl), std::pair(7U, EventType::kPrebootCert),
        std::pair(7U, EventType::kEventTag), std::pair(4U, EventType::kEfiVariableAuthority),
        std::pair(4U, EventType::kUnused), std::pair(2U, EventType::kIpl),
        std::pair(0U, EventType::kEfiVariableDriverConfig), std::pair(8U, EventType::kEfiAction),
        std::pair(8U, EventType::kUnused), std::pair(10U, EventType::kIpl),
        std::pair(11U, EventType::kEfiBootServicesApplication)}) {
    EventLogBuilder builder = fakes::SecureBootLog();
    builder.AddText(pcr, type, "x");
    const EventLog log = ParseGood(builder);
    for (uint32_t other = 0; other < kPcrCount; ++other) {
      const auto problem = CheckPlacement(log, other);
      EXPECT_EQ(problem.has_value(), other == pcr) << other << EventTypeName(type);
      if (problem) {
        EXPECT_EQ(problem->check, "L2");
        EXPECT_EQ(problem->event, 28U);
        EXPECT_EQ(problem->severity, Severity::kMalformed);
        EXPECT_THAT(problem->message, HasSubstr(EventTypeName(type)));
      }
    }
    EXPECT_EQ(ProblemOf(builder, pcr, Severity::kMalformed)->check, "L2");
    EXPECT_EQ(ProblemOf(builder, pcr, Severity::kMalformed)->type, type);
  }
}

TEST(PlacementChecks, L02_NoActionBelongsEverywhere) {
  for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr) {
    EXPECT_TRUE(BelongsIn(EventType::kNoAction, pcr));
    EXPECT_FALSE(BelongsIn(EventType::kUnused, pcr));
  }
}

TEST(PlacementChecks, L11_EveryFirmwarePcrHasExactlyOneSeparator) {
  const EventLog good = ParseGood(fakes::SecureBootLog());
  for (uint32_t pcr = 0; pcr < 8; ++pcr) {
    EXPECT_FALSE(CheckSeparator(good, kSha256, pcr)) << pcr;

    EventLogBuilder missing = fakes::SecureBootLog();
    std::erase_if(missing.events, [pcr](const EventLogBuilder::Event& event) {
      return event.pcr == pcr && event.type == EventType::kSeparator;
    });
    const auto none = CheckSeparator(ParseGood(missing), kSha256, pcr);
    ASSERT_TRUE(none.has_value()) << pcr;
    EXPECT_EQ(none->check, "L11");
    EXPECT_FALSE(none->event.has_value());
    EXPECT_THAT(none->message, HasSubstr("no separator"));

    EventLogBuilder twice = fakes::SecureBootLog();
    twice.AddSeparator(pcr);
    const auto second = CheckSeparator(ParseGood(twice), kSha256, pcr);
    ASSERT_TRUE(second.has_value()) << pcr;
    EXPECT_EQ(second->event, 28U);
    EXPECT_THAT(second->message, HasSubstr("second separator"));
  }
}

TEST(PlacementChecks, L11_ASeparatorOfAllOnesIsAFirmwareError) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddSeparator(7, 0xFFFFFFFF);
  EXPECT_THAT(CheckSeparator(ParseGood(builder), kSha256, 7)->message, HasSubstr("error"));

  // Its digest tells, whatever the data says.
  EventLogBuilder hidden = fakes::SecureBootLog();
  hidden.Add(7, EventType::kEfiAction, AsBytes("nothing"), Bytes(4, 0xFF));
  EXPECT_THAT(CheckSeparator(ParseGood(hidden), kSha256, 7)->message, HasSubstr("error"));
}

TEST(PlacementChecks, L11_ASeparatorOfOtherDataOrDigestIsRefused) {
  for (const uint32_t value : {1U, 0x01000000U}) {
    EventLogBuilder builder = fakes::SecureBootLog();
    builder.AddSeparator(7, value);
    EXPECT_THAT(CheckSeparator(ParseGood(builder), kSha256, 7)->message,
                HasSubstr("not the four zero bytes"));
  }
  EventLogBuilder longer = fakes::SecureBootLog();
  longer.Add(7, EventType::kSeparator, Bytes(5));
  EXPECT_TRUE(CheckSeparator(ParseGood(longer), kSha256, 7));
  EventLogBuilder lies = fakes::SecureBootLog();
  lies.Add(7, EventType::kSeparator, Bytes(4), AsBytes("another"));
  EXPECT_THAT(CheckSeparator(ParseGood(lies), kSha256, 7)->message,
              HasSubstr("not the four zero bytes"));
  EventLogBuilder data = fakes::SecureBootLog();
  data.events[fakes::kFence7Event - 1].data = Bytes{1, 0, 0, 0};
  EXPECT_THAT(CheckSeparator(ParseGood(data), kSha256, 7)->message,
              HasSubstr("not the four zero bytes"));
}

TEST(PlacementChecks, L11_ASeparatorUnderAnotherTypeIsStillTheFence) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events[fakes::kFence7Event - 1].type = EventType::kEfiAction;
  builder.AddSeparator(7);
  const EventLog log = ParseGood(builder);
  EXPECT_EQ(FindSeparator(log, kSha256, 7), fakes::kFence7Event);
  EXPECT_THAT(CheckSeparator(log, kSha256, 7)->message, HasSubstr("the type EV_EFI_ACTION"));
}

TEST(PlacementChecks, L12_SeparatorsOfWindowsAreLegal) {
  EventLogBuilder builder = fakes::SecureBootLog();
  for (uint32_t pcr = 12; pcr < 15; ++pcr) {
    builder.AddText(pcr, EventType::kSeparator, "WBCL");
  }
  const EventLog log = ParseGood(builder);
  for (uint32_t pcr = 12; pcr < 15; ++pcr) {
    EXPECT_FALSE(CheckSeparator(log, kSha256, pcr));
    EXPECT_FALSE(CheckPlacement(log, pcr));
  }
  EXPECT_EQ(ReadFacts(log, kSha256).problems.items.size(), 0U);
}

}  // namespace
}  // namespace plimsoll::eventlog
