#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// PCRs that must be what the log explains, and UKI phases (L13, details 6, 7 and 14).
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::EventLogBuilder;
using fakes::EventType;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

Json OnlyPolicy(uint32_t pcr, const std::string& bank = "sha256") {
  return MeasuredNode::PcrPolicy({LogOnly(pcr, bank)});
}

TEST(EventLogOnly, L13_APcrThatTheLogExplainsPasses) {
  MeasuredNode machine;
  for (const uint32_t pcr : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U}) {
    EXPECT_THAT(machine.Judge(OnlyPolicy(pcr)), IsTrusted()) << pcr;
  }
  EXPECT_THAT(machine.Judge(OnlyPolicy(4, "sha1")), IsTrusted());
}

TEST(EventLogOnly, L13_APcrWithoutAnEventIsAMismatchEvenWhereItWasNeverExtended) {
  MeasuredNode machine;
  for (const uint32_t pcr : {11U, 13U, 15U}) {
    const Appraisal appraisal = machine.Judge(OnlyPolicy(pcr));
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
    const Finding finding = FindingBy(appraisal, "L13", Reason::kEventLogMismatch);
    EXPECT_EQ(finding.pcr->index, pcr);
    EXPECT_EQ(finding.observed, std::string(64, '0'));
  }
  EventLogBuilder log = fakes::TwoBankLog();
  std::erase_if(log.events, [](const auto& event) { return event.pcr == 3; });
  MeasuredNode other(log);
  EXPECT_THAT(other.Judge(OnlyPolicy(3)), IsUntrusted(Reason::kEventLogMismatch));
}

TEST(EventLogOnly, L13_APcrThatMovedOnIsAMismatchWithBothValues) {
  MeasuredNode machine;
  const std::string before = machine.Pcr(9);
  machine.Extend(9, "more");
  const Appraisal appraisal = machine.Judge(OnlyPolicy(9));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
  const Finding finding = FindingBy(appraisal, "L13", Reason::kEventLogMismatch);
  EXPECT_EQ(finding.observed, machine.Pcr(9));
  EXPECT_EQ(finding.expected, before);
}

TEST(EventLogOnly, L06_InABankThatIsVoidTheLogIsMalformed) {
  MeasuredNode machine;
  machine.EventAt(fakes::kShimEvent).digests.erase(static_cast<uint16_t>(AlgorithmId::kSha1));
  const Appraisal appraisal = machine.Judge(OnlyPolicy(0, "sha1"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
  EXPECT_THAT(FindingBy(appraisal, "L13", Reason::kEventLogMalformed).message,
              HasSubstr("no digest in bank sha1"));
  EXPECT_THAT(machine.Judge(OnlyPolicy(0)), IsTrusted());
}

TEST(EventLogOnly, L07_InABankThatTheLogDoesNotDeclareTheLogIsMissing) {
  MeasuredNode machine;
  machine.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7+sha384:0");
  const Appraisal appraisal = machine.Judge(OnlyPolicy(0, "sha384"));
  EXPECT_THAT(appraisal, IsUnknown(Reason::kEventLogMissing));
  EXPECT_THAT(FindingBy(appraisal, "L13", Reason::kEventLogMissing).message,
              HasSubstr("no digests in bank sha384"));
}

TEST(EventLogOnly, Q17_APcrThatWasNotQuotedIsWrongBank) {
  MeasuredNode machine;
  machine.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7");
  EXPECT_THAT(machine.Judge(OnlyPolicy(8)), IsUnknown(Reason::kWrongBank));
  EXPECT_THAT(machine.Judge(OnlyPolicy(0, "sha1")), IsUnknown(Reason::kWrongBank));
}

TEST(EventLogOnly, L13_WithoutALogItIsMissing) {
  MeasuredNode machine;
  machine.send_log = false;
  EXPECT_THAT(machine.Judge(OnlyPolicy(0)), IsUnknown(Reason::kEventLogMissing));
}

TEST(EventLogOnly, L02_EventsThatDoNotBelongThereAreMalformedInEveryBank) {
  for (const char* const bank : {"sha1", "sha256"}) {
    MeasuredNode machine;
    machine.EventAt(fakes::kGrubEvent).type = EventType::kUnused;
    const Appraisal appraisal = machine.Judge(OnlyPolicy(4, bank));
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed)) << bank;
    EXPECT_EQ(FindingBy(appraisal, "L2", Reason::kEventLogMalformed).event->type, "EV_UNUSED");
    EXPECT_THAT(machine.Judge(OnlyPolicy(5, bank)), IsTrusted()) << "another PCR";
  }
}

TEST(EventLogOnly, L11_ASecondSeparatorIsMalformed) {
  EventLogBuilder log = fakes::TwoBankLog();
  log.AddSeparator(3);
  MeasuredNode machine(log);
  EXPECT_THAT(machine.Judge(OnlyPolicy(3)), IsUntrusted(Reason::kEventLogMalformed));
}

// ---- boot phases ----

Json PhasePolicy(Json phases = {"enter-initrd:leave-initrd:sysinit:ready", "enter-initrd"}) {
  return MeasuredNode::BootPolicy({{"secureBoot", "Ignored"}, {"ukiPhases", std::move(phases)}});
}

class UkiPhases : public testing::Test {
 protected:
  UkiPhases() : machine_(fakes::UkiLog()) {}

  MeasuredNode machine_;
};

TEST_F(UkiPhases, AnAcceptedListOfPhasesBehindTheEventsPasses) {
  machine_.EnterPhases({"enter-initrd"});
  EXPECT_THAT(machine_.Judge(PhasePolicy()), IsTrusted());
  machine_.EnterPhases({"leave-initrd", "sysinit", "ready"});
  EXPECT_THAT(machine_.Judge(PhasePolicy()), IsTrusted());
}

TEST_F(UkiPhases, AnyOtherPhasesAreNotAccepted) {
  const Appraisal none = machine_.Judge(PhasePolicy());
  EXPECT_THAT(none, IsUntrusted(Reason::kBootComponentNotAccepted));
  const Finding finding = FindingBy(none, "L1", Reason::kBootComponentNotAccepted);
  EXPECT_EQ(finding.pcr->index, 11U);
  EXPECT_EQ(finding.observed, machine_.Pcr(11));
  EXPECT_EQ(finding.expected.size(), 64U);
  machine_.EnterPhases({"enter-initrd", "leave-initrd"});
  EXPECT_THAT(machine_.Judge(PhasePolicy()), IsUntrusted(Reason::kBootComponentNotAccepted));
  machine_.EnterPhases({"sysinit", "ready", "shutdown"});
  EXPECT_THAT(machine_.Judge(PhasePolicy()), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(UkiPhases, PhasesFollowOnTheEventsOfAUkiAndNotOnNothing) {
  MeasuredNode grub;
  grub.EnterPhases({"enter-initrd"});
  const Appraisal appraisal = grub.Judge(PhasePolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(FindingBy(appraisal, "L1", Reason::kBootComponentNotAccepted).message,
              HasSubstr("no event of a UKI"));
}

TEST_F(UkiPhases, ASectionThatWasChangedInTheLogIsNotAccepted) {
  machine_.EnterPhases({"enter-initrd"});
  for (auto& event : machine_.log.events) {
    if (event.pcr == 11) {
      event.digests.rbegin()->second[0] ^= 1U;
      break;
    }
  }
  EXPECT_THAT(machine_.Judge(PhasePolicy()), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(UkiPhases, Q17_Pcr11ThatWasNotQuotedIsWrongBank) {
  machine_.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7");
  EXPECT_THAT(machine_.Judge(PhasePolicy()), IsUnknown(Reason::kWrongBank));
}

TEST_F(UkiPhases, WithPhasesComponentsOfPcr11AreJudgedAllTheSame) {
  machine_.EnterPhases({"enter-initrd"});
  Json policy = PhasePolicy();
  policy["spec"]["boot"]["componentRefs"] = {"machine"};
  EXPECT_THAT(machine_.Judge(policy), IsTrusted());
  machine_.log.AddUkiSection(".initrd", "another");
  machine_.Measure();
  machine_.EnterPhases({"enter-initrd"});
  EXPECT_THAT(machine_.Judge(policy), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST_F(UkiPhases, WithoutPhasesARuleAboutPcr11SaysWhatIsNeeded) {
  machine_.EnterPhases({"enter-initrd"});
  const Appraisal appraisal = machine_.Judge(MeasuredNode::BootPolicy(
      {{"secureBoot", "Ignored"}, {"componentRefs", {"machine"}}, {"componentRoles", {"UKI"}}}));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
  EXPECT_THAT(FindingBy(appraisal, "L1", Reason::kEventLogMismatch).message,
              HasSubstr("ukiPhases"));
}

TEST_F(UkiPhases, L13_EventLogOnlyOfPcr11IsJudgedWithThePhases) {
  Json policy = PhasePolicy();
  policy["spec"]["pcrs"] = {LogOnly(11)};
  EXPECT_THAT(machine_.Judge(policy), IsUntrusted(Reason::kEventLogMismatch)) << "no phase yet";
  machine_.EnterPhases({"enter-initrd"});
  EXPECT_THAT(machine_.Judge(policy), IsTrusted());
  EXPECT_THAT(machine_.Judge(OnlyPolicy(11)), IsUntrusted(Reason::kEventLogMismatch));

  machine_.node.selection =
      AttestedNode::Selection("sha1:0,1,2,3,4,5,6,7,11+sha256:0,1,2,3,4,5,6,7,11");
  policy["spec"]["pcrs"] = {LogOnly(11, "sha1")};
  EXPECT_THAT(machine_.Judge(policy), IsTrusted()) << "in a weaker bank too";
}

}  // namespace
}  // namespace plimsoll::appraisal
