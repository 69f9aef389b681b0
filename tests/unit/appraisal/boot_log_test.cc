#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// Row 9 of the table: the boot event log beside statement and quote. A good machine, and in each
// test one thing that is not.
namespace plimsoll::appraisal {
namespace {

using fakes::AttestedNode;
using fakes::EventLogBuilder;
using fakes::EventType;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

// Demands of the log only that it is there and is the log of this boot.
Json LogPolicy() { return MeasuredNode::BootPolicy({{"secureBoot", "Ignored"}}); }

TEST(BootLogChecks, AGoodMachinePassesAPolicyThatDemandsAllOfIt) {
  MeasuredNode machine;
  const Appraisal appraisal = machine.Judge();
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_TRUE(AllFindings(appraisal).empty()) << AllFindings(appraisal).front().message;
  ASSERT_TRUE(appraisal.facts && appraisal.facts->boot);
  EXPECT_EQ(appraisal.facts->boot->state, BootEvidence::State::kReplayed);
  EXPECT_EQ(appraisal.facts->boot->bank, AlgorithmId::kSha256) << "the strongest quoted one";
  ASSERT_TRUE(appraisal.ima.has_value());
  EXPECT_EQ(appraisal.ima->entries, 21U);
}

TEST(BootLogChecks, L01_ALogThatTheStatementDoesNotNameIsRefused) {
  MeasuredNode machine;
  machine.NameWhatIsSent();
  machine.node.statement.boot_event_log.reset();
  const Appraisal appraisal =
      machine.Judge(machine.EvidenceAsStated(), {MeasuredNode::FullPolicy()});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
  EXPECT_THAT(FindingBy(appraisal, "L1", Reason::kEventLogMismatch).message,
              HasSubstr("does not name"));
}

TEST(BootLogChecks, L01_ALogOfAnotherDigestThanTheStatementsIsRefused) {
  MeasuredNode machine;
  machine.NameWhatIsSent();
  machine.node.statement.boot_event_log->sha256[0] ^= 1U;
  EXPECT_THAT(machine.Judge(machine.EvidenceAsStated(), {LogPolicy()}),
              IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, L01_ALogOfAnotherSizeThanTheStatementsIsRefused) {
  MeasuredNode machine;
  machine.NameWhatIsSent();
  machine.node.statement.boot_event_log->size += 1;
  EXPECT_THAT(machine.Judge(machine.EvidenceAsStated(), {LogPolicy()}),
              IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, L01_ALogThatIsNamedAndNotSentIsMissingWhereARuleNeedsIt) {
  MeasuredNode machine;
  machine.NameWhatIsSent();
  machine.send_log = false;
  const evidence::Evidence evidence = machine.EvidenceAsStated();
  const Appraisal needed = machine.Judge(evidence, {LogPolicy()});
  EXPECT_THAT(needed, IsUnknown(Reason::kEventLogMissing));
  EXPECT_THAT(FindingBy(needed, "L13", Reason::kEventLogMissing).message, HasSubstr("none came"));
  EXPECT_THAT(machine.Judge(
                  evidence,
                  {MeasuredNode::PcrPolicy(
                      {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"machine"}}}})}),
              IsTrusted());
}

TEST(BootLogChecks, L01_EvidenceWithoutAStatementIsJudgedByReplayAlone) {
  MeasuredNode machine;
  evidence::Evidence evidence = machine.Evidence();
  evidence.statement.reset();
  const evidence::Nonce nonce{};
  machine.node.nonce = nonce;
  const Bytes qualifying(20, 7);
  const auto quote = machine.node.tpm.MakeQuote(machine.node.selection, qualifying);
  evidence.attest = quote.attest;
  evidence.signature = quote.signature;
  Expectation expectation = machine.node.Expectation();
  expectation.qualifying_data = qualifying;
  const auto judge = [&] {
    return *Appraise(evidence, expectation,
                     {{.policy = machine.Compile(MeasuredNode::FullPolicy()), .last = {}}},
                     machine.node.now);
  };
  EXPECT_THAT(judge(), IsTrusted());
  evidence.boot_event_log->back() ^= 1U;
  machine.log.events.pop_back();
  evidence.boot_event_log = machine.log.Build();
  EXPECT_THAT(judge(), IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, L01_EveryEventOfPcr0To7ThatIsDroppedSwappedOrDoubledShows) {
  const MeasuredNode good;
  for (size_t i = 0; i < good.log.events.size(); ++i) {
    if (good.log.events[i].pcr >= 8) {
      continue;
    }
    for (const int how : {0, 1, 2}) {
      MeasuredNode machine;
      auto& events = machine.log.events;
      const auto at = events.begin() + static_cast<ptrdiff_t>(i);
      if (how == 0) {
        events.erase(at);
      } else if (how == 1) {
        events.insert(at, EventLogBuilder::Event(*at));
      } else {
        at->digests.begin()->second[0] ^= 1U;
      }
      EXPECT_THAT(machine.Judge(LogPolicy()), IsUntrusted(Reason::kEventLogMismatch))
          << "event " << i + 1 << ", change " << how;
    }
  }
}

TEST(BootLogChecks, L01_APcrThatMovedInOneQuotedBankAloneIsAMismatch) {
  for (const AlgorithmId bank : {AlgorithmId::kSha1, AlgorithmId::kSha256}) {
    for (uint32_t pcr = 0; pcr < 8; ++pcr) {
      MeasuredNode machine;
      machine.node.tpm.Extend(bank, pcr, Bytes(tcg::DigestSize(bank), 0xEE));
      const Appraisal appraisal = machine.Judge(LogPolicy());
      EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
      const Finding finding = FindingBy(appraisal, "L1", Reason::kEventLogMismatch);
      ASSERT_TRUE(finding.pcr.has_value());
      EXPECT_EQ(finding.pcr->index, pcr);
      EXPECT_EQ(finding.pcr->bank, bank);
      EXPECT_EQ(finding.observed, machine.Pcr(pcr, bank));
      EXPECT_EQ(finding.expected.size(), finding.observed.size());
      EXPECT_NE(finding.expected, finding.observed);
    }
  }
}

TEST(BootLogChecks, L13_APcrThatWasExtendedWithoutAnyEventIsAMismatch) {
  MeasuredNode machine;
  std::erase_if(machine.log.events, [](const auto& event) { return event.pcr == 3; });
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
  const Finding finding = FindingBy(appraisal, "L13", Reason::kEventLogMismatch);
  EXPECT_EQ(finding.pcr->index, 3U);
  EXPECT_EQ(finding.observed, machine.Pcr(3, AlgorithmId::kSha1)) << "the first bank";
  EXPECT_EQ(finding.expected, std::string(40, '0'));
}

TEST(BootLogChecks, L01_EvidenceIsRejectedByItsLogWhateverThePoliciesAsk) {
  MeasuredNode machine;
  machine.log.events.pop_back();
  const evidence::Evidence evidence = machine.Evidence();
  EXPECT_THAT(machine.Judge(evidence, {}), IsUntrusted(Reason::kEventLogMismatch));
  EXPECT_THAT(machine.Judge(
                  evidence,
                  {MeasuredNode::PcrPolicy(
                      {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"machine"}}}})}),
              IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, L14_WhatAnOperatingSystemExtendsIsARemarkUnlessARuleReadsThatPcr) {
  for (const uint32_t pcr : {8U, 9U, 11U, 12U, 13U, 14U, 15U}) {
    MeasuredNode machine;
    machine.Extend(pcr, "unit file");
    const Appraisal appraisal = machine.Judge(LogPolicy());
    EXPECT_THAT(appraisal, IsTrusted()) << pcr;
    const bool explained = pcr == 8 || pcr == 9;
    const Finding remark = FindingBy(appraisal, explained ? "L1" : "L13", std::nullopt);
    EXPECT_EQ(remark.pcr->index, pcr);
    EXPECT_EQ(remark.observed, machine.Pcr(pcr));
  }
}

TEST(BootLogChecks, L14_ARuleThatReadsAPcrWhichMovedOnIsAMismatch) {
  for (const uint32_t pcr : {8U, 9U}) {
    MeasuredNode machine;
    machine.Extend(pcr, "unit file");
    EXPECT_THAT(machine.Judge(), IsUntrusted(Reason::kEventLogMismatch)) << pcr;
  }
}

TEST(BootLogChecks, Pcr10IsNeverJudgedByTheBootLog) {
  MeasuredNode machine;
  machine.log.AddText(10, EventType::kIpl, "boot_aggregate");
  EXPECT_THAT(machine.Judge(LogPolicy()), IsTrusted());
  machine.Extend(10, "a file");
  machine.send_list = false;
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_TRUE(AllFindings(appraisal).empty());
}

TEST(BootLogChecks, L06_ABankThatAnEventLacksIsVoidAndTheOthersAreJudged) {
  MeasuredNode machine;
  machine.EventAt(fakes::kShimEvent).digests.erase(static_cast<uint16_t>(AlgorithmId::kSha1));
  const Appraisal appraisal = machine.Judge();
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_THAT(FindingBy(appraisal, "L6", std::nullopt).message, HasSubstr("bank sha1"));
  EXPECT_FALSE(appraisal.facts->boot->Find(AlgorithmId::kSha1)->usable);

  MeasuredNode other;
  other.EventAt(fakes::kShimEvent).digests.erase(static_cast<uint16_t>(AlgorithmId::kSha256));
  const Appraisal weaker = other.Judge(LogPolicy());
  EXPECT_THAT(weaker, IsTrusted());
  EXPECT_EQ(weaker.facts->boot->bank, AlgorithmId::kSha1);
}

TEST(BootLogChecks, L06_ALogWhoseQuotedBanksAreAllVoidIsMalformed) {
  MeasuredNode machine;
  machine.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12");
  machine.EventAt(fakes::kShimEvent).digests.erase(static_cast<uint16_t>(AlgorithmId::kSha256));
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
  FindingBy(appraisal, "L6", Reason::kEventLogMalformed);
}

TEST(BootLogChecks, L07_ALogThatDeclaresNoneOfTheQuotedBanksIsMissing) {
  MeasuredNode machine;
  machine.node.selection = AttestedNode::Selection("sha384:0,1,2,3,4,5,6,7");
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_THAT(appraisal, IsUnknown(Reason::kEventLogMissing));
  EXPECT_EQ(appraisal.facts->boot->state, BootEvidence::State::kOtherBanks);
}

TEST(BootLogChecks, L07_ALogOfTheOldFormIsJudgedInSha1AndMissingBesideASha256Quote) {
  EventLogBuilder old = EventLogBuilder::Tpm12();
  old.AddText(0, EventType::kSCrtmVersion, "fw").AddSeparator(0);
  MeasuredNode machine(old);
  machine.node.selection = AttestedNode::Selection("sha1:0,1,2,3,4,5,6,7");
  const Appraisal sha1 = machine.Judge(LogPolicy());
  EXPECT_THAT(sha1, IsTrusted());
  EXPECT_EQ(sha1.facts->boot->detail, "TPM12Log");

  machine.node.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7");
  const Appraisal sha256 = machine.Judge(LogPolicy());
  EXPECT_THAT(sha256, IsUnknown(Reason::kEventLogMissing));
  EXPECT_THAT(FindingBy(sha256, "L13", Reason::kEventLogMissing).message, HasSubstr("TPM12Log"));
  EXPECT_THAT(machine.Judge(machine.Evidence(), {}), IsUnknown(Reason::kNoEnforcingPolicy));
}

TEST(BootLogChecks, L13_AnEmptyLogIsMissingOnlyWhereARuleNeedsIt) {
  for (const Bytes& bytes : {Bytes(), MeasuredNode().log.Header()}) {
    MeasuredNode machine;
    machine.log_bytes = bytes;
    const Appraisal appraisal = machine.Judge(LogPolicy());
    EXPECT_THAT(appraisal, IsUnknown(Reason::kEventLogMissing)) << bytes.size();
    EXPECT_EQ(appraisal.facts->boot->detail, "Empty");
    EXPECT_THAT(FindingBy(appraisal, "L13", Reason::kEventLogMissing).message, HasSubstr("Empty"));
    EXPECT_THAT(machine.Judge(machine.Evidence(), {}), IsUnknown(Reason::kNoEnforcingPolicy));
  }
}

TEST(BootLogChecks, L13_AnEmptyLogThatIsNotTheStatementsIsAMismatchFirst) {
  MeasuredNode machine;
  machine.NameWhatIsSent();
  machine.log_bytes = Bytes();
  EXPECT_THAT(machine.Judge(machine.EvidenceAsStated(), {LogPolicy()}),
              IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, L09_ATruncatedLogIsMalformedAndSaysWhere) {
  MeasuredNode machine;
  Bytes bytes = machine.log.Build();
  bytes.pop_back();
  machine.log_bytes = bytes;
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
  EXPECT_EQ(appraisal.facts->boot->detail, "Truncated");
  const Finding finding = FindingBy(appraisal, "L9", Reason::kEventLogMalformed);
  EXPECT_EQ(finding.event->index, 27U);
  EXPECT_THAT(finding.message, HasSubstr("Truncated"));
}

TEST(BootLogChecks, L09_ALogThatIsLongerThanLogsMayBeIsMalformed) {
  MeasuredNode machine;
  Bytes bytes = machine.log.Build();
  bytes.resize(evidence::kMaxBootEventLogBytes + 1, 0xFF);  // padding
  machine.log_bytes = bytes;
  EXPECT_THAT(machine.Judge(LogPolicy()), IsUntrusted(Reason::kEventLogMalformed));
}

TEST(BootLogChecks, L16_ALogOfRuntimeRegistersIsMalformedAndNamed) {
  MeasuredNode machine;
  EventLogBuilder registers({AlgorithmId::kSha384});
  registers.AddVariable(fakes::kGlobalGuid, "SecureBoot", Bytes{1}, 1);
  registers.AddVariable(fakes::kGlobalGuid, "PK", {}, 1);
  machine.log_bytes = registers.Build();
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
  EXPECT_EQ(appraisal.facts->boot->detail, "RuntimeRegisterLog");
}

TEST(BootLogChecks, L04_AStartupLocalityThatIsALieIsAMismatch) {
  MeasuredNode machine;
  EventLogBuilder lie({AlgorithmId::kSha1, AlgorithmId::kSha256});
  lie.AddStartupLocality(3);
  machine.log.events.insert(machine.log.events.begin(), lie.events.front());
  EXPECT_THAT(machine.Judge(LogPolicy()), IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, L04_ANoActionWithADigestIsARemarkWithItsEvent) {
  MeasuredNode machine;
  machine.log.AddNoAction(0, AsBytes("note"));
  machine.log.events.back().digests.rbegin()->second.assign(32, 7);
  const Appraisal appraisal = machine.Judge();
  EXPECT_THAT(appraisal, IsTrusted());
  const Finding remark = FindingBy(appraisal, "L4", std::nullopt);
  EXPECT_EQ(remark.event->index, 28U);
  EXPECT_EQ(remark.event->type, "EV_NO_ACTION");
  EXPECT_EQ(remark.pcr->index, 0U);
}

TEST(BootLogChecks, ManyRemarksOfALogDoNotMakeItMalformed) {
  MeasuredNode machine;
  for (int i = 0; i < 40; ++i) {
    machine.log.AddNoAction(7, AsBytes("note"));
    machine.log.events.back().digests.rbegin()->second.assign(32, 7);
  }
  EXPECT_THAT(machine.Judge(), IsTrusted());
}

TEST(BootLogChecks, ALogThatProvesSomethingWrongOutranksAListThatIsStillToCome) {
  MeasuredNode machine;
  machine.log.events.pop_back();
  machine.send_list = false;
  const Appraisal appraisal = machine.Judge();
  EXPECT_TRUE(HasFinding(appraisal, "I7", Reason::kRuntimeListPending));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, OfLogAndListTheLogGivesTheReason) {
  MeasuredNode machine;
  machine.log.events.pop_back();
  machine.list.pop_back();
  const Appraisal appraisal = machine.Judge();
  EXPECT_TRUE(HasFinding(appraisal, "I7", Reason::kRuntimeListMismatch));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMismatch));
}

TEST(BootLogChecks, FactsOfARefusedLogAreNotTrustedLater) {
  MeasuredNode machine;
  machine.log.events.pop_back();
  const Appraisal appraisal = machine.Judge(LogPolicy());
  EXPECT_FALSE(appraisal.facts->boot->facts.has_value()) << "nor are they shown";
  const Judgement later =
      JudgePolicies(*appraisal.facts, machine.node.identity,
                    {{.policy = machine.Compile(LogPolicy()), .last = std::nullopt}});
  EXPECT_EQ(later.verdict, Verdict::kUntrusted);
  EXPECT_EQ(later.reason, Reason::kEventLogMismatch);
}

TEST(BootLogChecks, RulesAboutABootThatIsNotRecordedWaitForEvidence) {
  MeasuredNode machine;
  Appraisal appraisal = machine.Judge();
  appraisal.facts->boot.reset();
  const Judgement later =
      JudgePolicies(*appraisal.facts, machine.node.identity,
                    {{.policy = machine.Compile(LogPolicy()), .last = std::nullopt}});
  EXPECT_EQ(later.verdict, Verdict::kUnknown);
  EXPECT_EQ(later.reason, Reason::kEvidenceExpired);
}

}  // namespace
}  // namespace plimsoll::appraisal
