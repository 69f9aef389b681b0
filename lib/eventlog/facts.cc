#include "eventlog/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "eventlog/fact_context.h"
#include "eventlog/placement.h"
#include "eventlog/text.h"

namespace plimsoll::eventlog {
namespace {

constexpr size_t kDatabaseBudget = 36 * 1024;
constexpr size_t kCommandBudget = 10 * 1024;
constexpr size_t kRestBudget = 17 * 1024;
static_assert(kDatabaseBudget + kCommandBudget + kRestBudget < kMaxFactsBytes);
constexpr size_t kMaxNotices = 16;
constexpr size_t kMaxActionBytes = 128;
constexpr uint32_t kJudgedPcrs = 16;  // 16 to 23 are no matter of boot logs

constexpr std::array<std::pair<Role, std::string_view>, 8> kRoleNames = {{
    {Role::kFirmware, "Firmware"},
    {Role::kOptionRom, "OptionROM"},
    {Role::kBootLoader, "BootLoader"},
    {Role::kKernel, "Kernel"},
    {Role::kInitRd, "InitRD"},
    {Role::kUki, "UKI"},
    {Role::kDriver, "Driver"},
    {Role::kOther, "Other"},
}};

}  // namespace

FactContext::FactContext(const EventLog& read_log, BootFacts& filled)
    : log(read_log),
      facts(filled),
      databases(kDatabaseBudget),
      commands(kCommandBudget),
      rest(kRestBudget) {
  CoverageReader reader(log, facts.bank);
  coverage.reserve(log.events().size());
  for (const Event& event : log.events()) {
    coverage.push_back(reader.Of(event));
  }
}

void FactContext::Report(Problem problem) {
  Bounded<Problem>& problems = facts.problems;
  if (problem.event) {
    problem.type = log.events()[*problem.event].type;
  }
  const bool notice = problem.severity == Severity::kNotice;
  const auto same = [&](const Problem& each) {
    return each.check == problem.check && each.pcr == problem.pcr &&
           each.severity == problem.severity;
  };
  const size_t cost = JsonCost(problem.message, 0);
  if (notice) {
    AddBounded(problems, std::move(problem), kMaxNotices, cost, rest);
  } else if (std::none_of(problems.items.begin(), problems.items.end(), same)) {
    // One for each check and PCR is few enough to need no limit, and none may be pushed out.
    rest.TakeAtMost(cost);
    problems.items.push_back(std::move(problem));
  }
}

void FactContext::Report(std::string_view check, Severity severity, const Event& event,
                         std::string message) {
  Report(Problem{.check = std::string(check),
                 .severity = severity,
                 .pcr = event.pcr,
                 .event = event.index,
                 .message = std::move(message)});
}

bool IsProvenAction(const FactContext& context, const Event& event) {
  const bool action = event.type == EventType::kEfiAction || event.type == EventType::kAction;
  return action && context.CoverageOf(event).whole() && IsPlainText(event.data, kMaxActionBytes);
}

void ReadPlacement(FactContext& context) {
  const FenceDigests digests(context.facts.bank);
  for (uint32_t pcr = 0; pcr < kJudgedPcrs; ++pcr) {
    if (auto problem = CheckPlacement(context.log, pcr)) {
      context.Report(*std::move(problem));
    }
    if (auto problem = CheckSeparator(context.log, digests, pcr)) {
      context.Report(*std::move(problem));
    }
  }
  for (const Event& event : context.log.events()) {
    if (event.type != EventType::kNoAction) {
      continue;
    }
    const ByteSpan digest = context.log.DigestOf(event, context.facts.bank);
    if (std::any_of(digest.begin(), digest.end(), [](uint8_t byte) { return byte != 0; })) {
      context.Report("L4", Severity::kNotice, event,
                     fmt::format("event {} is EV_NO_ACTION and has a digest, which no PCR was "
                                 "extended with",
                                 event.index));
    }
  }
}

BootFacts ReadFacts(const EventLog& log, tcg::AlgorithmId bank) {
  BootFacts facts;
  facts.bank = bank;
  facts.format = log.format();
  facts.event_count = static_cast<uint32_t>(log.events().size());
  facts.startup_locality = log.startup_locality();
  for (const Event& event : log.events()) {
    if (event.type != EventType::kNoAction) {
      facts.pcrs_with_events |= 1U << event.pcr;
    }
  }
  FactContext context(log, facts);
  ReadPlacement(context);
  ReadSecureBoot(context);
  ReadCommandLines(context);
  ReadComponents(context);
  ReadMokVariables(context);
  ReadStubEvents(context);
  ReadPartitionTable(context);
  return facts;
}

bool BootFacts::truncated() const {
  return pk.entries.truncated || kek.entries.truncated || db.entries.truncated ||
         dbx.entries.truncated || authorities.truncated || components.truncated ||
         command_lines.truncated || mok_variables.truncated || uki_sections.truncated ||
         stub_events.truncated || problems.truncated ||
         (partition_table && partition_table->partitions.truncated);
}

const Problem* BootFacts::FirstProblem(uint32_t pcr, Severity severity) const& {
  const auto found = std::find_if(
      problems.items.begin(), problems.items.end(),
      [&](const Problem& each) { return each.pcr == pcr && each.severity <= severity; });
  return found == problems.items.end() ? nullptr : &*found;
}

bool Component::MayHave(Role asked) const {
  switch (pcr) {
    case 2:
      return asked == Role::kOptionRom || asked == Role::kDriver;
    case 4:
      return asked == Role::kBootLoader || asked == Role::kDriver;
    default:
      return asked == role;
  }
}

std::string_view ToString(SecureBootState state) {
  switch (state) {
    case SecureBootState::kEnabled:
      return "Enabled";
    case SecureBootState::kDisabled:
      return "Disabled";
    case SecureBootState::kUnknown:
      return "Unknown";
  }
  return "";
}

std::string_view ToString(Role role) {
  for (const auto& [each, name] : kRoleNames) {
    if (each == role) {
      return name;
    }
  }
  return "";
}

std::optional<Role> RoleFromName(std::string_view name) {
  for (const auto& [role, each] : kRoleNames) {
    if (each == name) {
      return role;
    }
  }
  return std::nullopt;
}

std::string_view ToString(CommandLineSource source) {
  switch (source) {
    case CommandLineSource::kGrubKernel:
      return "GrubKernel";
    case CommandLineSource::kGrubLinuxCommand:
      return "GrubLinuxCommand";
    case CommandLineSource::kStub:
      return "Stub";
    case CommandLineSource::kKernelStub:
      return "KernelStub";
  }
  return "";
}

}  // namespace plimsoll::eventlog
