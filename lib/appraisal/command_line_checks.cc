#include <fmt/format.h>

#include <algorithm>

#include "appraisal/boot_checks.h"
#include "appraisal/kernel_arguments.h"
#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

using eventlog::CommandLine;
using eventlog::CommandLineSource;

constexpr size_t kMaxLineInMessage = 200;
// Where kernel command lines are measured: by GRUB, by the kernel's own stub, by systemd-stub.
constexpr std::array<uint32_t, 3> kCommandLinePcrs = {8, 9, 12};

Finding& Reject(BootReader& reader, const CommandLine& line, std::string message) {
  Finding& finding = reader.Add("B7", Reason::kCommandLineRejected, std::move(message));
  finding.pcr = PcrReference{reader.bank(), line.pcr};
  finding.event = EventReference{line.event, eventlog::EventTypeName(line.type)};
  finding.observed = line.text.substr(0, kMaxLineInMessage);
  return finding;
}

// Whether the rule can be judged by what the log has of PCRs with command lines.
bool MayReadAll(BootReader& reader) {
  bool readable = true;
  bool any = false;
  for (const CommandLine& line : reader.log().command_lines.items) {
    readable = reader.MayRead(line.pcr) && readable;
    any = true;
  }
  for (const uint32_t pcr : kCommandLinePcrs) {
    if (reader.WasQuoted(pcr)) {
      readable = reader.MayRead(pcr) && readable;
    } else {
      reader.Add("B7", std::nullopt,
                 fmt::format("PCR {} was not quoted: a command line that was measured there would "
                             "not be seen",
                             pcr));
    }
  }
  return any ? readable : readable && reader.MayRead(kCommandLinePcrs.front());
}

void JudgeAgainstSets(BootReader& reader, const CommandLine& line) {
  const auto& sets = reader.policy().command_line_sets();
  if (sets.empty()) {
    return;
  }
  bool accepted = false;
  const policy::ReferenceValues* closest = nullptr;
  std::string why;
  for (const policy::ReferenceSet& set : sets) {
    const bool counts = reader.policy().Accepts(*set);
    closest = closest == nullptr && counts ? set.get() : closest;
    if (std::find(set->command_lines.begin(), set->command_lines.end(), line.text) ==
        set->command_lines.end()) {
      continue;
    }
    if (set->state == policy::ReferenceState::kRevoked) {
      Finding& finding = Reject(
          reader, line, fmt::format("the kernel command line is revoked by {}", set->meta.name));
      finding.reason = Reason::kReferenceRevoked;
      finding.closest = set->meta.name;
      return;
    }
    if (!counts) {
      why = fmt::format(" (it is in {}, which is outside of its time)", set->meta.name);
      continue;
    }
    accepted = true;
    reader.Match(*set);
    if (set->state == policy::ReferenceState::kDeprecated) {
      Finding& finding = Reject(
          reader, line,
          fmt::format("the kernel command line is in {}, which is deprecated", set->meta.name));
      finding.reason = std::nullopt;
      finding.closest = set->meta.name;
    }
  }
  if (!accepted) {
    Finding& finding =
        Reject(reader, line,
               fmt::format("the kernel command line is in no accepted reference set{}{}{}", why,
                           closest == nullptr ? "" : "; closest: ",
                           closest == nullptr ? std::string_view() : closest->meta.name));
    if (closest != nullptr) {
      finding.closest = closest->meta.name;
      finding.expected = closest->command_lines.front().substr(0, kMaxLineInMessage);
    }
  }
}

// `whole`: the line as the kernel got it; a GRUB command may lack what a script adds.
void JudgeLine(BootReader& reader, const CommandLine& line, bool whole) {
  const policy::CommandLineRule& rule = reader.policy().spec().boot->command_line;
  if (!line.covered || line.truncated) {
    Reject(reader, line,
           line.truncated ? "a kernel command line is longer than what is kept, so it cannot be "
                            "judged"
                          : "a kernel command line was measured whose text its digest does not "
                            "cover");
    return;
  }
  const KernelArguments arguments(line.text);
  for (const std::string& unwanted : rule.must_not_contain) {
    if (const auto found = arguments.FindForbidden(unwanted)) {
      Finding& finding =
          Reject(reader, line, fmt::format("the kernel command line has \"{}\"", *found));
      finding.expected = "no " + unwanted;
    }
  }
  if (!whole) {
    return;
  }
  for (const std::string& wanted : rule.must_contain) {
    if (!arguments.Contains(wanted)) {
      Reject(reader, line, fmt::format("the kernel command line lacks \"{}\"", wanted)).expected =
          wanted;
    }
  }
  JudgeAgainstSets(reader, line);
}

}  // namespace

void B07_CommandLineIsAccepted(BootReader& reader) {
  if (!reader.policy().spec().boot->command_line.demands_something() || !reader.HasLog("B7") ||
      !MayReadAll(reader)) {
    return;
  }
  const auto& lines = reader.log().command_lines;
  if (lines.truncated) {
    reader.Add("B7", Reason::kCommandLineRejected,
               "the boot event log has more kernel command lines than are kept");
    return;
  }
  // What is not proven to be something else may be a command line that is hidden: an event whose
  // text its digest does not cover, or a label of GRUB's, which is not covered, on another text.
  for (const uint32_t pcr : kCommandLinePcrs) {
    const eventlog::Problem* problem = reader.log().FirstProblem(pcr, eventlog::Severity::kDenies);
    if (problem != nullptr) {
      Finding finding = FindingOf(*problem, reader.bank(), Reason::kCommandLineRejected);
      finding.message = "the kernel command line is not proven: " + problem->message;
      reader.Add("B7", Reason::kCommandLineRejected, {}) = std::move(finding);
      return;
    }
  }
  bool any = false;
  for (const CommandLine& line : lines.items) {
    const bool whole = line.source != CommandLineSource::kGrubLinuxCommand;
    any = any || whole;
    JudgeLine(reader, line, whole);
  }
  if (!any) {
    reader.Add("B7", Reason::kCommandLineRejected,
               "the boot event log has no kernel command line, so nothing shows what it was");
  }
}

}  // namespace plimsoll::appraisal
