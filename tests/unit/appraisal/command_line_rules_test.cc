#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// The kernel command line, as policies demand it (B7).
namespace plimsoll::appraisal {
namespace {

using fakes::EventLogBuilder;
using fakes::EventType;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

Json LinePolicy(Json rule) {
  return MeasuredNode::BootPolicy({{"secureBoot", "Ignored"}, {"kernelCommandLine", rule}});
}
Json MustContain(const std::string& argument) { return LinePolicy({{"mustContain", {argument}}}); }
Json MustNotContain(const std::string& argument) {
  return LinePolicy({{"mustNotContain", {argument}}});
}

// Booted by GRUB with these arguments.
EventLogBuilder BootedWith(const std::string& arguments) {
  EventLogBuilder log = fakes::TwoBankLog();
  EventLogBuilder grub({AlgorithmId::kSha1, AlgorithmId::kSha256});
  grub.AddGrub("grub_cmd: ", "linux /vmlinuz " + arguments);
  grub.AddGrub("kernel_cmdline: ", "/vmlinuz " + arguments);
  log.events[fakes::kLinuxCommandEvent - 1] = grub.events[0];
  log.events[fakes::kKernelCommandLineEvent - 1] = grub.events[1];
  return log;
}

TEST(CommandLineRules, B07_TheLineOfTheGoodMachinePasses) {
  MeasuredNode machine;
  EXPECT_THAT(machine.Judge(LinePolicy({{"mustContain", {"root=/dev/sda1", "ro", "quiet"}},
                                        {"mustNotContain", {"init", "rd.break"}},
                                        {"referenceValueRefs", {"machine"}}})),
              IsTrusted());
}

TEST(CommandLineRules, B07_WhatMustBeThereAndIsNotFailsWithEventAndLine) {
  MeasuredNode machine;
  const Appraisal appraisal = machine.Judge(MustContain("lockdown=confidentiality"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected));
  const Finding finding = FindingBy(appraisal, "B7", Reason::kCommandLineRejected);
  EXPECT_EQ(finding.event->index, fakes::kKernelCommandLineEvent);
  EXPECT_EQ(finding.event->type, "EV_IPL");
  EXPECT_EQ(finding.pcr->index, 8U);
  EXPECT_EQ(finding.expected, "lockdown=confidentiality");
  EXPECT_EQ(finding.observed, "/vmlinuz root=/dev/sda1 ro quiet");
  EXPECT_EQ(finding.message, "the kernel command line lacks \"lockdown=confidentiality\"");
}

TEST(CommandLineRules, B07_ArgumentsAreComparedWholeAndNotAsText) {
  MeasuredNode machine;
  EXPECT_THAT(machine.Judge(MustContain("root=/dev/sda")),
              IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(machine.Judge(MustNotContain("r")), IsTrusted());
}

TEST(CommandLineRules, B07_WhatMustNotBeThereFails) {
  for (const std::string argument : {"rd.break", "init=/bin/sh", "init", "\"init=/bin/sh\"",
                                     "i\"\"nit=/bin/sh", "systemd.debug-shell"}) {
    MeasuredNode machine(BootedWith("root=/dev/sda1 ro " + argument));
    const Appraisal appraisal = machine.Judge(
        LinePolicy({{"mustNotContain", {"rd.break", "init=", "systemd.debug_shell"}}}));
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected)) << argument;
  }
}

TEST(CommandLineRules, B07_ATrustedLineBesideABadOneDoesNotSaveIt) {
  MeasuredNode machine(BootedWith("root=/dev/sda1 ro init=/bin/sh"));
  // Someone boots the good line too, or says so.
  machine.log.AddGrub("grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet");
  machine.log.AddGrub("kernel_cmdline: ", "/vmlinuz root=/dev/sda1 ro quiet");
  machine.Measure();
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(machine.Judge(MustContain("quiet")), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(machine.Judge(LinePolicy({{"referenceValueRefs", {"machine"}}})),
              IsUntrusted(Reason::kCommandLineRejected));
}

// What root does on a machine that was booted with a bad line: the true events are made unreadable,
// and events of a good line are extended behind them.
TEST(CommandLineRules, B07_ALineWhoseTextWasMadeUnreadableIsNotForgotten) {
  for (const uint32_t event : {fakes::kLinuxCommandEvent, fakes::kKernelCommandLineEvent}) {
    MeasuredNode machine(BootedWith("root=/dev/sda1 ro init=/bin/sh"));
    machine.log.AddGrub("grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet");
    machine.log.AddGrub("kernel_cmdline: ", "/vmlinuz root=/dev/sda1 ro quiet");
    machine.Measure();
    for (const uint32_t hidden : {fakes::kLinuxCommandEvent, fakes::kKernelCommandLineEvent}) {
      machine.EventAt(hidden).data = ToBytes(AsBytes("grub_cmd: set timeout=5"));
    }
    machine.EventAt(event).data = ToBytes(AsBytes("anything"));
    const Appraisal appraisal = machine.Judge(MustNotContain("init"));
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected));
    const Finding finding = FindingBy(appraisal, "L3", Reason::kCommandLineRejected);
    EXPECT_EQ(finding.event->type, "EV_IPL");
    EXPECT_EQ(finding.pcr->index, 8U);
  }
}

TEST(CommandLineRules, E36_AnAlteredLabelDoesNotHideTheLine) {
  MeasuredNode machine(BootedWith("root=/dev/sda1 ro init=/bin/sh"));
  Bytes& data = machine.EventAt(fakes::kKernelCommandLineEvent).data;
  data[0] = 'K';
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUntrusted(Reason::kCommandLineRejected));
  data = ToBytes(AsBytes("grub_cmd: /vmlinuz root=/dev/sda1 ro init=/bin/sh"));
  data.push_back(0);
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUntrusted(Reason::kCommandLineRejected));
}

TEST(CommandLineRules, B07_ALabelOnTheTextOfAnotherCommandIsNoCommandLine) {
  // The machine booted with init=/bin/sh; later it measured a comment that reads well.
  MeasuredNode machine(BootedWith("root=/dev/sda1 ro init=/bin/sh"));
  machine.log.AddGrub("kernel_cmdline: ", "/vmlinuz root=/dev/sda1 ro quiet");
  machine.Measure();
  machine.EventAt(fakes::kKernelCommandLineEvent).data =
      ToBytes(AsBytes("grub_cmd: /vmlinuz root=/dev/sda1 ro init=/bin/sh"));
  const Appraisal appraisal = machine.Judge(MustContain("quiet"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected));
}

TEST(CommandLineRules, B07_ALogWithoutACommandLineProvesNothingAboutIt) {
  EventLogBuilder log = fakes::TwoBankLog();
  std::erase_if(log.events, [](const auto& event) { return event.pcr == 8; });
  MeasuredNode machine(log);
  const Appraisal appraisal = machine.Judge(MustNotContain("init"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(FindingBy(appraisal, "B7", Reason::kCommandLineRejected).message,
              HasSubstr("no kernel command line"));
}

TEST(CommandLineRules, B07_ALineOfTheKernelsOwnStubHasADigestAndNoText) {
  EventLogBuilder log = fakes::TwoBankLog();
  Bytes tagged;
  fakes::AppendLittleEndian(tagged, 0x8F3B22ED, 4);
  fakes::AppendLittleEndian(tagged, 26, 4);
  Append(tagged, AsBytes("LOADED_IMAGE::LoadOptions\0"));
  log.Add(9, EventType::kEventTag, tagged, AsBytes("init=/bin/sh"));
  MeasuredNode machine(log);
  const Appraisal appraisal = machine.Judge(MustNotContain("init"));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected));
}

TEST(CommandLineRules, B07_ALineThatIsTooLongToKeepCannotPass) {
  MeasuredNode machine(BootedWith("ro " + std::string(5000, 'a') + " init=/bin/sh"));
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(machine.Judge(MustContain("ro")), IsUntrusted(Reason::kCommandLineRejected));
}

TEST(CommandLineRules, B07_MoreLinesThanAreKeptCannotPass) {
  EventLogBuilder log = fakes::TwoBankLog();
  for (int i = 0; i < 20; ++i) {
    log.AddGrub("grub_cmd: ", "linux /vmlinuz ro");
  }
  MeasuredNode machine(log);
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUntrusted(Reason::kCommandLineRejected));
}

TEST(CommandLineRules, B07_Pcr8ThatWasNotQuotedIsWrongBank) {
  MeasuredNode machine;
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,9,12");
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUnknown(Reason::kWrongBank));
  std::erase_if(machine.log.events, [](const auto& event) { return event.pcr == 8; });
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUnknown(Reason::kWrongBank))
      << "what a log leaves out of such a PCR is not proof that it was not measured";
}

TEST(CommandLineRules, B07_AnotherPcrOfCommandLinesThatWasNotQuotedIsARemark) {
  MeasuredNode machine;
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9");
  const Appraisal appraisal = machine.Judge(MustNotContain("init"));
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_THAT(FindingBy(appraisal, "B7", std::nullopt).message, HasSubstr("PCR 12 was not quoted"));
}

TEST(CommandLineRules, B07_LinesOfAUkiAreJudgedToo) {
  MeasuredNode machine(fakes::UkiLog());
  EXPECT_THAT(machine.Judge(LinePolicy({{"mustContain", {"quiet"}},
                                        {"mustNotContain", {"init"}},
                                        {"referenceValueRefs", {"machine"}}})),
              IsTrusted());
  machine.log.Add(12, EventType::kIpl, fakes::Utf16("root=/dev/sda1 init=/bin/sh"));
  machine.Measure();
  EXPECT_THAT(machine.Judge(MustNotContain("init")), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(machine.Judge(MustContain("root=/dev/sda1")),
              IsUntrusted(Reason::kCommandLineRejected))
      << "it does not end as the stub's lines do, so it may be anything";
}

TEST(CommandLineRules, B07_ALineOfAUkiCannotBeHiddenByItsDataItsLabelOrItsType) {
  const Bytes line = [] {
    Bytes text = fakes::Utf16("root=/dev/sda1 ro init=/bin/sh");
    Append(text, Bytes{0, 0});
    return text;
  }();
  const auto judge = [&](const Bytes& data, EventType type) {
    MeasuredNode machine(fakes::UkiLog());
    machine.log.Add(12, EventType::kIpl, line);
    machine.Measure();
    machine.log.events.back().data = data;
    machine.log.events.back().type = type;
    return machine.Judge(MustNotContain("init"));
  };
  Bytes altered = line;
  altered[0] ^= 1U;
  Bytes labelled = ToBytes(AsBytes("grub_cmd: "));
  Append(labelled, line);
  Bytes tagged(8, 1);
  Append(tagged, line);
  EXPECT_THAT(judge(line, EventType::kIpl), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(judge(altered, EventType::kIpl), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(judge(labelled, EventType::kIpl), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(judge(tagged, EventType::kEventTag), IsUntrusted(Reason::kCommandLineRejected));
  EXPECT_THAT(judge({}, EventType::kSeparator), IsUntrusted(Reason::kCommandLineRejected));
}

// ---- whole lines ----

class WholeLines : public testing::Test {
 protected:
  Appraisal JudgeAgainst(const std::string& line, Json more = Json::object(),
                         Json refs = {"lines"}) {
    more["commandLines"] = {line};
    machine_.Publish(MeasuredNode::Set("lines", more));
    return machine_.Judge(LinePolicy({{"referenceValueRefs", std::move(refs)}}));
  }

  static constexpr const char* kLine = "/vmlinuz root=/dev/sda1 ro quiet";
  MeasuredNode machine_;
};

TEST_F(WholeLines, B07_TheVeryLinePassesAndAnyOtherFails) {
  EXPECT_THAT(JudgeAgainst(kLine), IsTrusted());
  for (const std::string other : {"/vmlinuz root=/dev/sda1 ro", "/vmlinuz ro root=/dev/sda1 quiet",
                                  "/vmlinuz root=/dev/sda1 ro quiet "}) {
    const Appraisal appraisal = JudgeAgainst(other);
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kCommandLineRejected)) << other;
    const Finding finding = FindingBy(appraisal, "B7", Reason::kCommandLineRejected);
    EXPECT_EQ(finding.expected, other);
    EXPECT_EQ(finding.closest, "lines");
    EXPECT_EQ(finding.observed, kLine);
  }
}

TEST_F(WholeLines, B07_ARevokedLineFailsEvenWhereAnotherSetHasIt) {
  const Appraisal appraisal = JudgeAgainst(kLine, {{"state", "Revoked"}}, {"machine", "lines"});
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kReferenceRevoked));
  EXPECT_EQ(FindingBy(appraisal, "B7", Reason::kReferenceRevoked).closest, "lines");
}

TEST_F(WholeLines, B07_ADeprecatedLinePassesWithARemark) {
  const Appraisal appraisal = JudgeAgainst(kLine, {{"state", "Deprecated"}});
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_EQ(FindingBy(appraisal, "B7", std::nullopt).closest, "lines");
}

TEST_F(WholeLines, B07_ALineCountsOnlyInTheTimeOfItsSet) {
  const Appraisal late = JudgeAgainst(kLine, {{"notAfter", "2026-11-24T07:59:59Z"}});
  EXPECT_THAT(late, IsUntrusted(Reason::kCommandLineRejected));
  const Finding finding = FindingBy(late, "B7", Reason::kCommandLineRejected);
  EXPECT_THAT(finding.message, HasSubstr("lines, which is outside of its time"));
  EXPECT_EQ(finding.closest, "") << "what does not count would not have been accepted";
  EXPECT_THAT(JudgeAgainst(kLine, {{"notBefore", "2026-11-24T08:00:01Z"}}),
              IsUntrusted(Reason::kCommandLineRejected));
}

}  // namespace
}  // namespace plimsoll::appraisal
