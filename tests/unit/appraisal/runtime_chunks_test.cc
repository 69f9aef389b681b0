#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// A long IMA list comes in chunks: positions, what was rejected on the way, and new boots (I8).
namespace plimsoll::appraisal {
namespace {

using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

Json ImaPolicy() {
  Json policy = MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"machine"}}}});
  policy["spec"]["runtime"]["ima"] = {{"mode", "Required"}, {"allowListRefs", {"machine"}}};
  return policy;
}

// What a controller keeps of a node between rounds.
class Rounds : public testing::Test {
 protected:
  // Entries [from, to) of the whole list, of which the statement says `total`.
  Appraisal Send(size_t from, size_t to, size_t total) {
    machine_.list.assign(whole_.begin() + static_cast<ptrdiff_t>(from),
                         whole_.begin() + static_cast<ptrdiff_t>(to));
    machine_.NameWhatIsSent();
    machine_.node.statement.ima->from = from;
    machine_.node.statement.ima->total = total;
    machine_.node.tpm.clock.clock += 1000;
    Expectation expectation = machine_.node.Expectation();
    expectation.recorded = clock_;
    expectation.runtime = position_;
    auto appraisal = Appraise(
        machine_.EvidenceAsStated(), expectation,
        {{.policy = machine_.Compile(ImaPolicy()), .last = {}, .runtime_rejected = rejected_}},
        machine_.node.now);
    EXPECT_TRUE(appraisal.has_value());
    clock_ = appraisal->clock;
    position_ = appraisal->runtime ? appraisal->runtime : position_;
    if (!appraisal->policies.empty()) {
      rejected_ = appraisal->policies[0].runtime_rejected;
    }
    return *std::move(appraisal);
  }

  // The machine measures one more file.
  void Load(const ima::Made& file) {
    whole_.push_back(file);
    machine_.node.tpm.SetPcr(AlgorithmId::kSha256, 10, ima::PcrAfter(whole_));
  }

  MeasuredNode machine_;
  std::vector<ima::Made> whole_ = machine_.list;
  std::optional<RecordedClock> clock_;
  std::optional<RuntimePosition> position_;
  Findings rejected_;
};

TEST_F(Rounds, I08_TwoChunksArePendingAndThenReached) {
  const Appraisal first = Send(0, 10, 21);
  EXPECT_THAT(first, IsUnknown(Reason::kRuntimeListPending));
  EXPECT_THAT(FindingBy(first, "I7", Reason::kRuntimeListPending).message,
              HasSubstr("10 entries of the IMA list have come"));
  ASSERT_TRUE(position_.has_value());
  EXPECT_EQ(position_->list.entries, 10U);
  EXPECT_TRUE(position_->generation.begun);
  EXPECT_THAT(Send(10, 21, 21), IsTrusted());
  EXPECT_EQ(position_->list.entries, 21U);
}

TEST_F(Rounds, I08_OtherRulesAreJudgedWhileTheListIsPending) {
  machine_.node.tpm.SetPcr(AlgorithmId::kSha256, 0, Bytes(32, 9));
  machine_.send_log = false;
  EXPECT_THAT(Send(0, 10, 21), IsUntrusted(Reason::kPcrMismatch));
}

TEST_F(Rounds, I08_NothingNewSinceTheLastRoundPasses) {
  EXPECT_THAT(Send(0, 21, 21), IsTrusted());
  EXPECT_THAT(Send(21, 21, 21), IsTrusted());
  Load(ima::File("/usr/bin/tool3", "tool3"));
  EXPECT_THAT(Send(21, 22, 22), IsTrusted());
}

TEST_F(Rounds, I08_AChunkThatDoesNotFollowOnTheLastOneIsRefused) {
  Send(0, 10, 21);
  for (const auto& [from, to] : {std::pair<size_t, size_t>{0, 21}, {9, 21}, {11, 21}}) {
    const Appraisal appraisal = Send(from, to, 21);
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeListMismatch)) << from;
    EXPECT_THAT(FindingBy(appraisal, "I8", Reason::kRuntimeListMismatch).message,
                HasSubstr("10 were judged so far"));
    EXPECT_EQ(position_->list.entries, 10U) << "the position stays";
  }
}

TEST_F(Rounds, I08_AChunkMayNotHaveMoreEntriesThanTheListHas) {
  EXPECT_THAT(Send(0, 21, 20), IsUntrusted(Reason::kEvidenceMalformed));
  clock_.reset();
  Send(0, 10, 21);
  EXPECT_THAT(Send(10, 21, 20), IsUntrusted(Reason::kEvidenceMalformed));
}

TEST_F(Rounds, I08_TheLastChunkMustReachPcr10) {
  Send(0, 10, 21);
  EXPECT_THAT(Send(10, 20, 20), IsUntrusted(Reason::kRuntimeListMismatch));
  EXPECT_THAT(Send(10, 20, 21), IsUnknown(Reason::kRuntimeListPending));
  EXPECT_THAT(Send(20, 21, 21), IsTrusted());
}

TEST_F(Rounds, I08_WhatWasRejectedInAnEarlierChunkCountsWhenPcr10IsReachedAndEverAfter) {
  whole_.insert(whole_.begin() + 5, ima::File("/tmp/evil", "evil"));
  machine_.node.tpm.SetPcr(AlgorithmId::kSha256, 10, ima::PcrAfter(whole_));
  const Appraisal first = Send(0, 10, 22);
  EXPECT_THAT(first, IsUnknown(Reason::kRuntimeListPending)) << "no quote has proven it yet";
  ASSERT_EQ(rejected_.size(), 1U);
  const Appraisal second = Send(10, 22, 22);
  EXPECT_THAT(second, IsUntrusted(Reason::kRuntimeMeasurementRejected));
  EXPECT_EQ(FindingBy(second, "I9", Reason::kRuntimeMeasurementRejected).event->index, 5U);
  EXPECT_THAT(Send(22, 22, 22), IsUntrusted(Reason::kRuntimeMeasurementRejected));
  Load(ima::File("/usr/bin/tool3", "tool3"));
  EXPECT_THAT(Send(22, 23, 23), IsUntrusted(Reason::kRuntimeMeasurementRejected));
}

TEST_F(Rounds, I06_ASecondBootAggregateInALaterChunkNeedsAKexecBeforeIt) {
  Send(0, 21, 21);
  Load(machine_.BootAggregate());
  EXPECT_THAT(Send(21, 22, 22), IsUntrusted(Reason::kRuntimeMeasurementRejected));
}

TEST_F(Rounds, Q09_ANewBootBeginsTheListAnew) {
  Send(0, 21, 21);
  machine_.node.tpm.clock.reset_count += 1;
  machine_.node.statement.boot_id = "9c1f5e0a-0000-4000-8000-000000000001";
  EXPECT_THAT(Send(21, 21, 21), IsUntrusted(Reason::kRuntimeListMismatch));
}

TEST_F(Rounds, Q09_AListThatGoesOnAfterASuspendIsNotWrongButProvesNothing) {
  Send(0, 21, 21);
  machine_.node.tpm.clock.restart_count += 1;
  EXPECT_THAT(Send(21, 21, 21), IsUnknown(Reason::kRuntimeListPending));
}

TEST_F(Rounds, Q09_ANewBootIsJudgedFromItsFirstEntry) {
  Send(0, 21, 21);
  machine_.node.tpm.clock.reset_count += 1;
  machine_.node.statement.boot_id = "9c1f5e0a-0000-4000-8000-000000000001";
  EXPECT_THAT(Send(0, 21, 21), IsTrusted());
  EXPECT_EQ(position_->list.entries, 21U);
}

TEST_F(Rounds, I08_APositionInAnotherBankIsOfNoUse) {
  Send(0, 21, 21);
  machine_.node.selection = fakes::AttestedNode::Selection("sha1:10+sha256:0");
  machine_.send_log = false;
  EXPECT_THAT(Send(21, 21, 21), IsUntrusted(Reason::kRuntimeListMismatch));
  EXPECT_THAT(Send(0, 21, 21), IsTrusted()) << "the list begins anew";
}

}  // namespace
}  // namespace plimsoll::appraisal
