#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// Row 11: the IMA list beside statement and quote, and the rules about its entries.
namespace plimsoll::appraisal {
namespace {

using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

Json ImaPolicy(const std::string& mode = "Required", Json more = Json::object()) {
  more["mode"] = mode;
  more["allowListRefs"] = {"machine"};
  Json policy = MeasuredNode::PcrPolicy(
      {{{"bank", "sha256"}, {"index", 0}, {"referenceValueRefs", {"machine"}}}});
  policy["spec"]["runtime"]["ima"] = std::move(more);
  return policy;
}

// The machine with these files measured behind the good ones.
MeasuredNode WithFiles(const std::vector<ima::Made>& more) {
  MeasuredNode machine;
  machine.files.insert(machine.files.end(), more.begin(), more.end());
  machine.Measure();
  return machine;
}

TEST(RuntimeRules, I01_TheListOfTheGoodMachinePasses) {
  MeasuredNode machine;
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsTrusted());
  ASSERT_TRUE(appraisal.runtime.has_value());
  EXPECT_EQ(appraisal.runtime->list.entries, 21U);
  EXPECT_EQ(appraisal.runtime->bank, AlgorithmId::kSha256);
  EXPECT_TRUE(appraisal.runtime->generation.begun);
}

TEST(RuntimeRules, I07_AListThatDoesNotLeadToPcr10IsRefusedWhateverThePolicyAsks) {
  for (const int how : {0, 1, 2}) {
    MeasuredNode machine;
    if (how == 0) {
      machine.list.pop_back();
    } else if (how == 1) {
      std::swap(machine.list[3], machine.list[4]);
    } else {
      machine.Extend(10, "a file that is not in the list");
    }
    const evidence::Evidence evidence = machine.Evidence();
    for (const std::string mode : {"Required", "Audit", "Ignored"}) {
      const Appraisal appraisal = machine.Judge(evidence, {ImaPolicy(mode)});
      EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeListMismatch)) << mode << how;
      const Finding finding = FindingBy(appraisal, "I7", Reason::kRuntimeListMismatch);
      EXPECT_EQ(finding.pcr->index, 10U);
      EXPECT_EQ(finding.observed, machine.Pcr(10));
      EXPECT_EQ(finding.expected.size(), 64U);
      EXPECT_FALSE(appraisal.runtime.has_value());
    }
  }
}

TEST(RuntimeRules, I01_AnEntryWhoseTemplateHashIsOfOtherDataIsRefused) {
  MeasuredNode other;
  other.list[5].listed[52] ^= 1U;  // within the digest
  const Appraisal digest = other.Judge(ImaPolicy());
  EXPECT_THAT(digest, IsUntrusted(Reason::kRuntimeListMismatch));
  const Finding finding = FindingBy(digest, "I1", Reason::kRuntimeListMismatch);
  EXPECT_EQ(finding.event->index, 5U);
  EXPECT_THAT(finding.message, HasSubstr("entry 5"));
}

TEST(RuntimeRules, I03_AListThatCannotBeReadIsRefusedAndSaysWhere) {
  MeasuredNode machine;
  machine.list.back().listed.pop_back();
  const Appraisal appraisal = machine.Judge(ImaPolicy("Ignored"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeListMismatch));
  EXPECT_EQ(FindingBy(appraisal, "I3", Reason::kRuntimeListMismatch).event->index, 20U);
}

TEST(RuntimeRules, I07_OfALongerListOnlyWhatTheQuoteCoversIsJudged) {
  MeasuredNode machine;
  machine.list.push_back(ima::File("/tmp/evil", "evil"));  // measured after the quote
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_EQ(appraisal.runtime->list.entries, 21U) << "the rest is still to come";

  // The next round: PCR 10 has it, and the list goes on where the judgement ended.
  Appraisal next;
  {
    const std::vector<ima::Made> whole = machine.list;
    machine.node.tpm.SetPcr(AlgorithmId::kSha256, 10, ima::PcrAfter(whole));
    machine.list = {whole.back()};
    machine.NameWhatIsSent();
    machine.node.statement.ima->from = 21;
    machine.node.statement.ima->total = 22;
    Expectation expectation = machine.node.Expectation();
    expectation.recorded = appraisal.clock;
    expectation.runtime = appraisal.runtime;
    machine.node.tpm.clock.clock += 1000;
    next = *Appraise(
        machine.EvidenceAsStated(),
        [&] {
          Expectation again = machine.node.Expectation();
          again.recorded = expectation.recorded;
          again.runtime = expectation.runtime;
          return again;
        }(),
        {{.policy = machine.Compile(ImaPolicy()), .last = std::nullopt}}, machine.node.now);
  }
  EXPECT_THAT(next, IsUntrusted(Reason::kRuntimeMeasurementRejected));
  EXPECT_EQ(FindingBy(next, "I9", Reason::kRuntimeMeasurementRejected).event->index, 21U);
}

TEST(RuntimeRules, I07_AListThatTheStatementDoesNotNameIsRefused) {
  MeasuredNode machine;
  machine.NameWhatIsSent();
  const evidence::Statement named = machine.node.statement;
  const auto refused = [&](auto change) {
    machine.node.statement = named;
    change(machine.node.statement);
    EXPECT_THAT(machine.Judge(machine.EvidenceAsStated(), {ImaPolicy("Ignored")}),
                IsUntrusted(Reason::kRuntimeListMismatch));
  };
  refused([](evidence::Statement& s) { s.ima.reset(); });
  refused([](evidence::Statement& s) { s.ima->sha256[0] ^= 1U; });
  refused([](evidence::Statement& s) { s.ima->entries -= 1; });
  refused([](evidence::Statement& s) {
    s.ima->from = 1;
    s.ima->total = 22;
  });
}

TEST(RuntimeRules, I07_WithoutAListARequiredRuleWaitsAndAnAuditedOneRemarks) {
  MeasuredNode machine;
  machine.send_list = false;
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsUnknown(Reason::kRuntimeListPending));
  EXPECT_THAT(FindingBy(appraisal, "I7", Reason::kRuntimeListPending).message,
              HasSubstr("none came"));
  const Appraisal audit = machine.Judge(ImaPolicy("Audit"));
  EXPECT_THAT(audit, IsTrusted());
  FindingBy(audit, "I7", std::nullopt);
  EXPECT_TRUE(AllFindings(machine.Judge(ImaPolicy("Ignored"))).empty());
}

TEST(RuntimeRules, I07_Pcr10ThatWasNotQuotedIsWrongBank) {
  MeasuredNode machine;
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9");
  EXPECT_THAT(machine.Judge(ImaPolicy()), IsUnknown(Reason::kWrongBank));
  EXPECT_THAT(machine.Judge(ImaPolicy("Audit")), IsTrusted());
}

TEST(RuntimeRules, I06_AKernelThatMeasuresNothingDoesNotPass) {
  MeasuredNode machine;
  machine.list.clear();
  machine.node.tpm.SetPcr(AlgorithmId::kSha256, 10, Bytes(32));
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeMeasurementRejected));
  EXPECT_THAT(FindingBy(appraisal, "I6", Reason::kRuntimeMeasurementRejected).message,
              HasSubstr("measured nothing"));
  EXPECT_THAT(machine.Judge(ImaPolicy("Audit")), IsTrusted());
  machine.list = {machine.BootAggregate()};
  EXPECT_THAT(machine.Judge(ImaPolicy()), IsUntrusted(Reason::kRuntimeMeasurementRejected))
      << "entries that nothing was extended by are not covered";
}

TEST(RuntimeRules, I06_TheBootAggregateMustBeFirstAndOfTheseQuotedPcrs) {
  MeasuredNode other;
  other.Extend(0, "another machine");
  const ima::Made foreign = other.BootAggregate();
  MeasuredNode machine;
  for (const std::vector<ima::Made>& start :
       {std::vector<ima::Made>{foreign}, std::vector<ima::Made>{},
        std::vector<ima::Made>{machine.BootAggregate(), machine.BootAggregate()}}) {
    machine.list = start;
    machine.list.insert(machine.list.end(), machine.files.begin(), machine.files.end());
    machine.node.tpm.SetPcr(AlgorithmId::kSha256, 10, ima::PcrAfter(machine.list));
    const Appraisal appraisal = machine.Judge(ImaPolicy());
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeMeasurementRejected)) << start.size();
    FindingBy(appraisal, "I6", Reason::kRuntimeMeasurementRejected);
  }
}

TEST(RuntimeRules, I06_ABootAggregateOfPcrsThatWereNotQuotedIsARemark) {
  MeasuredNode machine;
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,10");
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_EQ(FindingBy(appraisal, "I7", std::nullopt).pcr->index, 10U);
}

TEST(RuntimeRules, I09_AFileThatIsInNoListIsRejectedWithAllThatAPersonNeeds) {
  MeasuredNode machine = WithFiles({ima::File("/usr/bin/tool1", "changed")});
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeMeasurementRejected));
  const Finding finding = FindingBy(appraisal, "I9", Reason::kRuntimeMeasurementRejected);
  EXPECT_EQ(finding.pcr->index, 10U);
  EXPECT_EQ(finding.event->index, 21U);
  EXPECT_EQ(finding.event->type, "ima-ng");
  EXPECT_EQ(finding.observed, "sha256:" + ToHex(ima::Sha256("changed")));
  EXPECT_THAT(finding.expected, HasSubstr(ToHex(ima::Sha256("tool1"))));
  EXPECT_THAT(finding.message, HasSubstr("/usr/bin/tool1"));
}

TEST(RuntimeRules, I09_AFileOfARevokedListFailsEvenWhereAnotherListHasIt) {
  MeasuredNode machine;
  machine.Publish(MeasuredNode::Set(
      "recalled", {{"state", "Revoked"}, {"files", {{"fileName", "recalled.sha256"}}}}));
  machine.inputs.allow_lists["recalled"] = std::make_shared<const ima::AllowList>(
      *ima::AllowList::Parse(ToHex(ima::Sha256("tool3")) + "  /usr/bin/tool3\n"));
  Json policy = ImaPolicy();
  policy["spec"]["runtime"]["ima"]["allowListRefs"] = {"machine", "recalled"};
  const Appraisal appraisal = machine.Judge(policy);
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kReferenceRevoked));
  EXPECT_EQ(FindingBy(appraisal, "I9", Reason::kReferenceRevoked).event->index, 4U);
}

TEST(RuntimeRules, I10_AnExcludedNameIsAcceptedAndMatchedAsAWhole) {
  MeasuredNode machine = WithFiles({ima::File("/var/tmp/x", "x")});
  EXPECT_THAT(machine.Judge(ImaPolicy("Required", {{"exclude", {"/var/tmp/.*"}}})), IsTrusted());
  EXPECT_THAT(machine.Judge(ImaPolicy("Required", {{"exclude", {"/var/tmp"}}})),
              IsUntrusted(Reason::kRuntimeMeasurementRejected));
}

TEST(RuntimeRules, I04_ViolationsAreRejectedOrCountedAsThePolicySays) {
  MeasuredNode machine = WithFiles({ima::ViolationOf("/usr/bin/tool1")});
  const Appraisal rejected = machine.Judge(ImaPolicy());
  EXPECT_THAT(rejected, IsUntrusted(Reason::kRuntimeMeasurementRejected));
  EXPECT_EQ(FindingBy(rejected, "I4", Reason::kRuntimeMeasurementRejected).event->index, 21U);
  const Appraisal counted = machine.Judge(ImaPolicy("Required", {{"violations", "Count"}}));
  EXPECT_THAT(counted, IsTrusted());
  EXPECT_THAT(FindingBy(counted, "I7", std::nullopt).message, HasSubstr("1 violations"));
}

TEST(RuntimeRules, I05_EntriesOfOtherPcrsAreNotJudged) {
  MeasuredNode machine = WithFiles({ima::File("/usr/bin/evil", "evil", 11)});
  EXPECT_THAT(machine.Judge(ImaPolicy()), IsTrusted());
}

TEST(RuntimeRules, I12_ABufferIsJudgedAndNamedAsOne) {
  MeasuredNode machine = WithFiles({ima::Buffer("kexec-cmdline", "init=/bin/sh")});
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kRuntimeMeasurementRejected));
  EXPECT_EQ(FindingBy(appraisal, "I12", Reason::kRuntimeMeasurementRejected).event->type,
            "ima-buf");
}

TEST(RuntimeRules, AuditModeShowsWhatItWouldRejectAndDecidesNothing) {
  MeasuredNode machine = WithFiles({ima::File("/usr/bin/evil", "evil")});
  const Appraisal appraisal = machine.Judge(ImaPolicy("Audit"));
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_THAT(FindingBy(appraisal, "I9", std::nullopt).message, HasSubstr("/usr/bin/evil"));
  EXPECT_TRUE(AllFindings(machine.Judge(ImaPolicy("Ignored"))).empty());
}

TEST(RuntimeRules, I09_FindingsAreBoundedAndTheRestIsCounted) {
  std::vector<ima::Made> files;
  for (int i = 0; i < 50; ++i) {
    files.push_back(ima::File("/evil" + std::to_string(i), "evil"));
  }
  MeasuredNode machine = WithFiles(files);
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  EXPECT_EQ(AllFindings(appraisal).size(), kMaxRuntimeFindings + 1);
  EXPECT_THAT(FindingBy(appraisal, "I7", std::nullopt).message,
              HasSubstr("50 entries of the IMA list are not accepted, of which 32 are shown"));
}

TEST(RuntimeRules, StoredFactsHaveNoListSoARequiredRuleWaits) {
  MeasuredNode machine;
  const Appraisal appraisal = machine.Judge(ImaPolicy());
  const auto later = [&](const std::string& mode) {
    return JudgePolicies(*appraisal.facts, machine.node.identity,
                         {{.policy = machine.Compile(ImaPolicy(mode)), .last = std::nullopt}});
  };
  EXPECT_EQ(later("Required").reason, Reason::kEvidenceExpired);
  EXPECT_EQ(later("Required").verdict, Verdict::kUnknown);
  EXPECT_EQ(later("Audit").verdict, Verdict::kTrusted);
}

}  // namespace
}  // namespace plimsoll::appraisal
