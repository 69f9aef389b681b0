#include "appraisal/boot_epoch.h"

#include <gtest/gtest.h>

#include "fakes/attested_node.h"
#include "unit/appraisal/matchers.h"

// Step 8: the clock, the counters and the boot epoch.
namespace plimsoll::appraisal {
namespace {

using std::chrono::seconds;

constexpr MonotonicTime kThen{std::chrono::hours(1)};
const std::string kBoot = "3f1d9a52-6c1b-4a7e-8f0d-2b9e5c4d7a10";
const std::string kOtherBoot = "aaaaaaaa-6c1b-4a7e-8f0d-2b9e5c4d7a10";

RecordedClock Recorded() {
  RecordedClock recorded;
  recorded.epoch = {7, 2, kBoot};
  recorded.clock_ms = 1'000'000;
  recorded.received = kThen;
  return recorded;
}

tcg::ClockInfo Quoted(uint64_t clock, uint32_t resets = 7, uint32_t restarts = 2) {
  return {.clock = clock, .reset_count = resets, .restart_count = restarts, .safe = true};
}

ClockOutcome After(seconds elapsed, const tcg::ClockInfo& quoted, const std::string& boot = kBoot,
                   const RecordedClock& recorded = Recorded()) {
  return JudgeClock(recorded, quoted, boot, kThen + elapsed).outcome;
}

TEST(BootEpoch, Q08_TheFirstQuoteIsTakenAsItIs) {
  EXPECT_EQ(JudgeClock(std::nullopt, Quoted(0), kBoot, kThen).outcome, ClockOutcome::kFirst);
}

TEST(BootEpoch, Q08_ALaterClockInTheSameEpochIsAccepted) {
  EXPECT_EQ(After(seconds(300), Quoted(1'300'000)), ClockOutcome::kSameEpoch);
  EXPECT_EQ(After(seconds(300), Quoted(1'000'001)), ClockOutcome::kSameEpoch);
}

TEST(BootEpoch, Q08_AClockThatIsNotLaterIsStaleAndTheThirdTimeReplayed) {
  RecordedClock recorded = Recorded();
  for (const uint64_t clock : {uint64_t{1'000'000}, uint64_t{999'999}, uint64_t{0}}) {
    recorded.stale_in_a_row = 0;
    EXPECT_EQ(After(seconds(1), Quoted(clock), kBoot, recorded), ClockOutcome::kStale);
    recorded.stale_in_a_row = 1;
    EXPECT_EQ(After(seconds(1), Quoted(clock), kBoot, recorded), ClockOutcome::kStale);
    recorded.stale_in_a_row = 2;
    EXPECT_EQ(After(seconds(1), Quoted(clock), kBoot, recorded), ClockOutcome::kReplayed);
  }
}

TEST(BootEpoch, Q08_AJumpBeyondDriftMeansTwoMachinesWithOneTpm) {
  // 300 s may show as 360 s, and 5 s more.
  EXPECT_EQ(After(seconds(300), Quoted(1'000'000 + 365'000)), ClockOutcome::kSameEpoch);
  EXPECT_EQ(After(seconds(300), Quoted(1'000'000 + 365'001)), ClockOutcome::kSharedTpm);
  EXPECT_EQ(After(seconds(0), Quoted(UINT64_MAX)), ClockOutcome::kSharedTpm);
}

TEST(BootEpoch, Q08_WithoutATimeOfReceiptNoJumpIsJudged) {
  RecordedClock recorded = Recorded();
  recorded.received.reset();
  EXPECT_EQ(After(seconds(0), Quoted(1'000'000'000), kBoot, recorded), ClockOutcome::kSameEpoch);
}

TEST(BootEpoch, Q08_LowerCountersMeanAClearedTpm) {
  EXPECT_EQ(After(seconds(60), Quoted(2'000'000, 6, 9), kOtherBoot), ClockOutcome::kCountersReset);
  EXPECT_EQ(After(seconds(60), Quoted(2'000'000, 7, 1), kOtherBoot), ClockOutcome::kCountersReset);
  EXPECT_EQ(After(seconds(60), Quoted(2'000'000, 7, 1)), ClockOutcome::kCountersReset);
}

TEST(BootEpoch, Q08_EqualCountersWithALowerClockUnderAnotherBootMeanAClearedTpm) {
  EXPECT_EQ(After(seconds(60), Quoted(999'999), kOtherBoot), ClockOutcome::kCountersReset);
  EXPECT_EQ(After(seconds(60), Quoted(1'030'000), kOtherBoot), ClockOutcome::kNewEpoch)
      << "kexec: another boot id without a reset of the TPM";
}

TEST(BootEpoch, Q08_EpochsThatAlternateMeanTwoMachinesWithOneTpm) {
  const auto next = NextRecord(Recorded(), Quoted(1'100'000), kOtherBoot, kThen + seconds(100));
  EXPECT_EQ(JudgeClock(next, Quoted(1'200'000), kBoot, kThen + seconds(200)).outcome,
            ClockOutcome::kSharedTpm);
  EXPECT_EQ(JudgeClock(next, Quoted(1'200'000, 8, 0), kBoot, kThen + seconds(200)).outcome,
            ClockOutcome::kSharedTpm);
}

TEST(BootEpoch, Q09_AResetBeginsANewEpochAndIsUnexplainedUnderTheSameBoot) {
  const ClockJudgement reboot = JudgeClock(Recorded(), Quoted(10, 8, 0), kOtherBoot, kThen);
  EXPECT_EQ(reboot.outcome, ClockOutcome::kNewEpoch);
  EXPECT_FALSE(reboot.unexplained_reset);
  const ClockJudgement reset = JudgeClock(Recorded(), Quoted(10, 8, 0), kBoot, kThen);
  EXPECT_EQ(reset.outcome, ClockOutcome::kNewEpoch);
  EXPECT_TRUE(reset.unexplained_reset);
  const ClockJudgement resume = JudgeClock(Recorded(), Quoted(1'000'010, 7, 3), kBoot, kThen);
  EXPECT_EQ(resume.outcome, ClockOutcome::kNewEpoch);
  EXPECT_TRUE(resume.unexplained_reset);
}

TEST(BootEpoch, Q09_AnUnexplainedResetIsRememberedWithinItsEpochOnly) {
  const auto reset = NextRecord(Recorded(), Quoted(10, 8, 0), kBoot, kThen);
  ASSERT_TRUE(reset.unexplained_reset);
  const auto later = NextRecord(reset, Quoted(1'010, 8, 0), kBoot, kThen + seconds(1));
  EXPECT_TRUE(later.unexplained_reset);
  EXPECT_FALSE(NextRecord(later, Quoted(10, 9, 0), kOtherBoot, kThen).unexplained_reset);
}

TEST(BootEpoch, TheRecordKeepsAFewEarlierBoots) {
  std::optional<RecordedClock> record;
  for (uint32_t boot = 0; boot < 20; ++boot) {
    record = NextRecord(record, Quoted(10, boot, 0), std::to_string(boot), kThen);
  }
  EXPECT_EQ(record->earlier_boot_ids.size(), 8U);
  EXPECT_EQ(record->earlier_boot_ids.back(), "18");
  EXPECT_EQ(record->stale_in_a_row, 0U);
}

class AppraisedClock : public testing::Test {
 protected:
  // Evidence of a node whose last quote had the recorded clock.
  Appraisal JudgeWith(const RecordedClock& recorded) {
    node_.recorded = recorded;
    return Judge(node_);
  }

  RecordedClock Same(uint64_t clock) {
    RecordedClock recorded;
    recorded.epoch = {node_.tpm.clock.reset_count, node_.tpm.clock.restart_count,
                      node_.statement.boot_id};
    recorded.clock_ms = clock;
    recorded.received = node_.now - seconds(100);
    return recorded;
  }

  fakes::AttestedNode node_{fakes::KeyTemplate::AkP256()};
};

TEST_F(AppraisedClock, Q08_AStaleQuoteIsNoVerdict) {
  const Appraisal appraisal = JudgeWith(Same(1'000'000));
  EXPECT_EQ(appraisal.disposition, Disposition::kStale);
  EXPECT_NE(appraisal.verdict, Verdict::kTrusted);
  EXPECT_TRUE(appraisal.policies.empty());
  EXPECT_FALSE(appraisal.clock.has_value());
}

TEST_F(AppraisedClock, Q08_AThirdStaleQuoteIsReplayed) {
  RecordedClock recorded = Same(1'000'000);
  recorded.stale_in_a_row = 2;
  EXPECT_THAT(JudgeWith(recorded), IsRefusedBy("Q8", Reason::kReplayedQuote));
}

TEST_F(AppraisedClock, Q08_ClearedAndSharedTpmsLoseTheirActivation) {
  RecordedClock recorded = Same(900'000);
  recorded.epoch.reset_count = 8;
  Appraisal appraisal = JudgeWith(recorded);
  EXPECT_EQ(appraisal.disposition, Disposition::kCountersReset);
  EXPECT_THAT(appraisal, IsUnknown(Reason::kNotEnrolled));

  appraisal = JudgeWith(Same(800'000));  // 200 s of clock in 100 s
  EXPECT_EQ(appraisal.disposition, Disposition::kSharedTpm);
  EXPECT_THAT(appraisal, IsUnknown(Reason::kNotEnrolled));
}

TEST_F(AppraisedClock, Q08_AnAcceptedQuoteIsToBeRecorded) {
  const Appraisal appraisal = JudgeWith(Same(900'000));
  ASSERT_THAT(appraisal, IsTrusted());
  ASSERT_TRUE(appraisal.clock.has_value());
  EXPECT_EQ(appraisal.clock->clock_ms, 1'000'000U);
  EXPECT_EQ(appraisal.clock->received, node_.now);
  EXPECT_EQ(appraisal.clock->epoch.boot_id, node_.statement.boot_id);
}

}  // namespace
}  // namespace plimsoll::appraisal
