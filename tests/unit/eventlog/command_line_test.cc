#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read_log.h"

// B7 and the scenario E36.
namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;
using fakes::kKernelCommandLineEvent;
using fakes::kLinuxCommandEvent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Source = CommandLineSource;

constexpr std::string_view kGood = "/vmlinuz root=/dev/sda1 ro quiet";
constexpr std::string_view kEvil = "/vmlinuz root=/dev/sda1 rd.break init=/bin/sh";

EventLogBuilder::Event GrubEvent(std::string_view label, std::string_view text) {
  return EventLogBuilder().AddGrub(label, text).events.front();
}

void Relabel(EventLogBuilder::Event& event, std::string_view label, std::string_view text) {
  event.data = GrubEvent(label, text).data;
}

bool AnyLineMayContain(const BootFacts& facts, std::string_view argument) {
  for (const CommandLine& line : facts.command_lines.items) {
    if (line.text.find(argument) != std::string::npos) {
      return true;
    }
  }
  return false;
}

// A boot with the attacker's command line.
EventLogBuilder EvilBoot() {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events[kLinuxCommandEvent - 1] =
      GrubEvent("grub_cmd: ", std::string("linux ").append(kEvil));
  builder.events[kKernelCommandLineEvent - 1] = GrubEvent("kernel_cmdline: ", kEvil);
  return builder;
}

TEST(CommandLineChecks, B07_TheLineOfTheKernelAndOfTheCommandAreRead) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  ASSERT_EQ(facts.command_lines.items.size(), 2U);
  const CommandLine& command = facts.command_lines.items[0];
  EXPECT_EQ(command.source, Source::kGrubLinuxCommand);
  EXPECT_EQ(command.event, kLinuxCommandEvent);
  EXPECT_EQ(command.text, kGood);
  const CommandLine& kernel = facts.command_lines.items[1];
  EXPECT_EQ(kernel.source, Source::kGrubKernel);
  EXPECT_EQ(kernel.event, kKernelCommandLineEvent);
  EXPECT_EQ(kernel.text, kGood);
  EXPECT_EQ(kernel.type, EventType::kIpl);
  EXPECT_EQ(kernel.pcr, 8U);
  EXPECT_TRUE(kernel.covered);
  EXPECT_FALSE(kernel.truncated);
  EXPECT_EQ(facts.FirstProblem(8, Severity::kNotice), nullptr);
  ASSERT_EQ(facts.grub_commands.items.size(), 2U);
  EXPECT_EQ(facts.grub_commands.items[0].text, "set timeout=5");
}

TEST(CommandLineChecks, E36_AForbiddenArgumentIsSeenEvenUnderAnotherLabel) {
  EXPECT_TRUE(AnyLineMayContain(FactsOf(EvilBoot()), "rd.break"));
  for (const std::string_view label :
       {"grub_cmd: ", "module_cmdline: ", "grub_kernel_cmdline ", "comment: ", ""}) {
    EventLogBuilder builder = EvilBoot();
    Relabel(builder.events[kKernelCommandLineEvent - 1], label, kEvil);
    const BootFacts facts = FactsOf(builder);
    EXPECT_TRUE(AnyLineMayContain(facts, "rd.break")) << label;
    if (label != "grub_kernel_cmdline ") {
      EXPECT_NE(facts.FirstProblem(8, Severity::kDenies), nullptr) << label;
    }
  }
}

TEST(CommandLineChecks, E36_TheCommandUnderAnotherLabelIsStillTheCommand) {
  for (const std::string_view label : {"kernel_cmdline: ", "module_cmdline: ", ""}) {
    EventLogBuilder builder = EvilBoot();
    Relabel(builder.events[kLinuxCommandEvent - 1], label, std::string("linux ").append(kEvil));
    Relabel(builder.events[kKernelCommandLineEvent - 1], "grub_cmd: ", kEvil);
    EXPECT_TRUE(AnyLineMayContain(FactsOf(builder), "rd.break")) << label;
  }
}

// A text that was typed as a command is passed off as the command line of the kernel.
TEST(CommandLineChecks, B07_AKernelLineThatNoCommandAskedForIsAProblem) {
  EventLogBuilder builder = EvilBoot();
  builder.events.insert(builder.events.begin() + kLinuxCommandEvent - 1,
                        GrubEvent("grub_cmd: ", kGood));
  Relabel(builder.events[kLinuxCommandEvent - 1], "kernel_cmdline: ", kGood);
  Relabel(builder.events[kKernelCommandLineEvent], "grub_cmd: ", kEvil);
  const auto problem = ProblemOf(builder, 8, Severity::kDenies);
  ASSERT_TRUE(problem.has_value());
}

TEST(CommandLineChecks, B07_AKernelLineThatIsNotTheOneOfTheCommandIsAProblem) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events[kKernelCommandLineEvent - 1] = GrubEvent("kernel_cmdline: ", kEvil);
  const BootFacts facts = FactsOf(builder);
  const Problem* problem = facts.FirstProblem(8, Severity::kDenies);
  ASSERT_NE(problem, nullptr);
  EXPECT_EQ(problem->check, "B7");
  EXPECT_EQ(problem->event, kKernelCommandLineEvent);
}

TEST(CommandLineChecks, B07_ACommandWithoutAKernelLineIsAProblem) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events.erase(builder.events.begin() + kKernelCommandLineEvent - 1);
  const BootFacts facts = FactsOf(builder);
  ASSERT_NE(facts.FirstProblem(8, Severity::kDenies), nullptr);
  EXPECT_EQ(facts.FirstProblem(8, Severity::kDenies)->check, "B7");
}

TEST(CommandLineChecks, B07_ATextWithoutALabelIsAProblem) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddText(8, EventType::kIpl, kGood);
  const auto problem = ProblemOf(builder, 8, Severity::kDenies);
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->check, "B7");
  EXPECT_EQ(problem->event, 28U);
  EXPECT_EQ(problem->type, EventType::kIpl);
}

TEST(CommandLineChecks, B07_QuotingMayDifferBetweenTheTwo) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events[kLinuxCommandEvent - 1] = GrubEvent("grub_cmd: ", "linux /vmlinuz dm=1 vroot ro");
  builder.events[kKernelCommandLineEvent - 1] =
      GrubEvent("kernel_cmdline: ", "/vmlinuz dm=\"1 vroot\" ro");
  EXPECT_FALSE(ProblemOf(builder, 8, Severity::kDenies));
}

TEST(CommandLineChecks, L03_ATextThatIsNotCoveredIsAProblemAndNoLine) {
  EventLogBuilder builder = fakes::SecureBootLog();
  Relabel(builder.events[kKernelCommandLineEvent - 1], "kernel_cmdline: ", "/vmlinuz ro lockdown");
  const BootFacts facts = FactsOf(builder);
  ASSERT_NE(facts.FirstProblem(8, Severity::kDenies), nullptr);
  EXPECT_EQ(facts.FirstProblem(8, Severity::kDenies)->check, "L3");
  for (const CommandLine& line : facts.command_lines.items) {
    EXPECT_THAT(line.text, ::testing::Not(HasSubstr("lockdown")));
  }
}

TEST(CommandLineChecks, B07_ALineGoingOnBehindAZeroByteIsNotCovered) {
  const std::string text = std::string(kGood) + std::string("\0 lockdown", 10);
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events[kLinuxCommandEvent - 1] = GrubEvent("grub_cmd: ", "linux " + text);
  builder.events[kKernelCommandLineEvent - 1] = GrubEvent("kernel_cmdline: ", text);
  const BootFacts facts = FactsOf(builder);
  for (const CommandLine& line : facts.command_lines.items) {
    EXPECT_FALSE(line.covered);
  }
  EXPECT_EQ(facts.FirstProblem(8, Severity::kDenies)->check, "B7");
}

TEST(CommandLineChecks, B07_WhiteSpaceOfTheKernelSeparatesArguments) {
  for (const char space : {'\t', '\n', '\v', '\f', '\r', '\xA0'}) {
    const std::string text = std::string("/vmlinuz quiet") + space + "rd.break";
    EventLogBuilder builder = fakes::SecureBootLog();
    builder.events[kLinuxCommandEvent - 1] = GrubEvent("grub_cmd: ", "linux " + text);
    builder.events[kKernelCommandLineEvent - 1] = GrubEvent("kernel_cmdline: ", text);
    const BootFacts facts = FactsOf(builder);
    EXPECT_THAT(facts.command_lines.items[1].text, HasSubstr("rd.break"));
    EXPECT_EQ(facts.command_lines.items[1].text, "/vmlinuz quiet rd.break");
  }
}

TEST(CommandLineChecks, B07_ALineTooLongToKeepIsMarked) {
  const std::string text = "/vmlinuz " + std::string(kMaxCommandLineBytes, 'x');
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.events[kKernelCommandLineEvent - 1] = GrubEvent("kernel_cmdline: ", text);
  const BootFacts facts = FactsOf(builder);
  EXPECT_TRUE(facts.command_lines.items[1].truncated);
  EXPECT_LE(facts.command_lines.items[1].text.size(), kMaxCommandLineBytes);
  EXPECT_FALSE(facts.command_lines.items[0].truncated);
}

TEST(CommandLineChecks, B07_TextOfTheStubIsACommandLine) {
  Bytes options = fakes::Utf16(" console=ttyS0 rd.shell");
  Append(options, Bytes{0, 0});
  for (const auto& [pcr, type] :
       {std::pair(12U, EventType::kIpl), std::pair(12U, EventType::kEventTag),
        std::pair(8U, EventType::kIpl)}) {
    EventLogBuilder builder = fakes::SecureBootLog();
    builder.Add(pcr, type, options);
    const BootFacts facts = FactsOf(builder);
    ASSERT_EQ(facts.command_lines.items.size(), 3U) << pcr;
    EXPECT_EQ(facts.command_lines.items[2].source, Source::kStub);
    EXPECT_EQ(facts.command_lines.items[2].pcr, pcr);
    EXPECT_TRUE(facts.command_lines.items[2].covered);
    EXPECT_THAT(facts.command_lines.items[2].text, HasSubstr("rd.shell"));
  }
}

TEST(CommandLineChecks, B07_AnEventOfTheStubThatHidesItsTextIsAProblem) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(12, EventType::kIpl, AsBytes("Credentials initrd"), AsBytes("rd.shell"));
  const BootFacts facts = FactsOf(builder);
  ASSERT_NE(facts.FirstProblem(12, Severity::kDenies), nullptr);
  EXPECT_EQ(facts.FirstProblem(12, Severity::kDenies)->check, "L3");
  EXPECT_EQ(facts.FirstProblem(8, Severity::kDenies), nullptr);
}

TEST(CommandLineChecks, LoadOptionsOfTheKernelsStubAreADigestOnly) {
  Bytes data;
  fakes::AppendLittleEndian(data, 0x8F3B22ED, 4);
  fakes::AppendLittleEndian(data, 4, 4);
  Append(data, AsBytes("Load"));
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(9, EventType::kEventTag, data, fakes::Utf16("ro"));
  const CommandLine line = FactsOf(builder).command_lines.items.back();
  EXPECT_EQ(line.source, Source::kKernelStub);
  EXPECT_FALSE(line.covered);
  EXPECT_EQ(line.text, "");
  EXPECT_EQ(line.digest, crypto::Digest(kSha256, {fakes::Utf16("ro")}));
}

}  // namespace
}  // namespace plimsoll::eventlog
