#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/encoding.h"
#include "eventlog/coverage.h"
#include "eventlog/event_text.h"
#include "eventlog/placement.h"
#include "read_log.h"

// Logs of real machines (tests/data/event-logs).
namespace plimsoll::eventlog {
namespace {

nlohmann::json Expectations() {
  return nlohmann::json::parse(fakes::ReadTestText("event-logs/expected.json"));
}

std::map<std::string, std::string> PcrsOf(const Replay& replay) {
  std::map<std::string, std::string> pcrs;
  for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr) {
    if (replay.pcrs[pcr]) {
      pcrs[std::to_string(pcr)] = ToHex(*replay.pcrs[pcr]);
    }
  }
  return pcrs;
}

TEST(RecordedLogs, L01_EveryLogReplaysToItsPcrsInEveryBank) {
  const nlohmann::json expected = Expectations();
  ASSERT_EQ(expected.size(), 22U);
  for (const auto& entry : expected) {
    const std::string file = entry["file"];
    SCOPED_TRACE(file);
    const EventLog log = RecordedLog(file);
    EXPECT_EQ(log.events().size(), entry["events"].get<size_t>());
    EXPECT_EQ(log.banks().size(), entry["pcrs"].size());
    for (const auto& [name, pcrs] : entry["pcrs"].items()) {
      const Replay replay = ReplayBank(log, *tcg::BankFromName(name));
      EXPECT_TRUE(replay.declared);
      EXPECT_EQ(replay.is_void, pcrs.empty());
      const auto want = pcrs.get<std::map<std::string, std::string>>();
      EXPECT_EQ(PcrsOf(replay), want) << name;
    }
  }
}

TEST(RecordedLogs, L14_ValuesOfTheTpmItselfAreReached) {
  size_t compared = 0;
  for (const auto& entry : Expectations()) {
    const EventLog log = RecordedLog(entry["file"].get<std::string>());
    for (const auto& [name, pcrs] : entry["recordedPcrs"].items()) {
      EXPECT_EQ(PcrsOf(ReplayBank(log, *tcg::BankFromName(name))),
                (pcrs.get<std::map<std::string, std::string>>()))
          << entry["file"] << name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 12U);
}

TEST(RecordedLogs, L04_StartupLocalityIsRead) {
  for (const auto& entry : Expectations()) {
    const EventLog log = RecordedLog(entry["file"].get<std::string>());
    const auto& locality = entry["startupLocality"];
    EXPECT_EQ(log.startup_locality(),
              locality.is_null() ? std::nullopt : std::optional(locality.get<uint8_t>()));
  }
}

TEST(RecordedLogs, L02_NoRealLogHasAMisplacedTypeOrFence) {
  for (const auto& entry : Expectations()) {
    const std::string file = entry["file"];
    SCOPED_TRACE(file);
    const EventLog log = RecordedLog(file);
    const bool fragment = entry["events"].get<size_t>() <= 2;
    for (uint32_t pcr = 0; pcr < 16; ++pcr) {
      // One machine logs an event of a vendor's own type in PCR 2.
      const bool vendor_type = file == "rust-keylime--uefi_log.bin" && pcr == 2;
      EXPECT_EQ(CheckPlacement(log, pcr).has_value(), vendor_type) << pcr;
      if (!fragment) {
        EXPECT_FALSE(CheckSeparator(log, *log.StrongestBank(), pcr)) << pcr;
      }
    }
  }
}

TEST(RecordedLogs, B01_OnlySecureBootOfOneIsEnabled) {
  std::set<std::string> enabled;
  std::set<std::string> disabled;
  for (const auto& entry : Expectations()) {
    const std::string file = entry["file"];
    const EventLog log = RecordedLog(file);
    const BootFacts facts = ReadFacts(log, *log.StrongestBank());
    const auto variables = entry["secureBootVariable"].get<std::vector<std::string>>();
    const bool fragment = entry["events"].get<size_t>() <= 2;
    const auto want = fragment || variables != std::vector<std::string>{"01"} ? false : true;
    EXPECT_EQ(facts.secure_boot.state == SecureBootState::kEnabled, want)
        << file << ": " << facts.secure_boot.why;
    EXPECT_EQ(facts.secure_boot.state == SecureBootState::kDisabled,
              variables == std::vector<std::string>{"00"})
        << file << ": " << facts.secure_boot.why;
    EXPECT_FALSE(facts.truncated()) << file;
    size_t before = 0;
    for (const Authority& authority : facts.authorities.items) {
      before += authority.before_separator ? 1 : 0;
    }
    if (!fragment) {
      EXPECT_EQ(before, entry["authoritiesBeforeSeparator"].get<size_t>()) << file;
    }
    EXPECT_EQ(facts.authorities.items.size(), entry["authoritiesBeforeSeparator"].get<size_t>() +
                                                  entry["authoritiesAfterSeparator"].get<size_t>())
        << file;
  }
}

TEST(RecordedLogs, L03_DigestsCoverWhatTheSurveySays) {
  for (const auto& entry : Expectations()) {
    const std::string file = entry["file"];
    const EventLog log = RecordedLog(file);
    const tcg::AlgorithmId bank = *log.StrongestBank();
    for (const Event& event : log.events()) {
      SCOPED_TRACE(file + " event " + std::to_string(event.index));
      const Coverage coverage = CoverageOf(log, event, bank);
      switch (event.type) {
        case EventType::kSeparator:
        case EventType::kEfiVariableDriverConfig:
        case EventType::kEfiAction:
        case EventType::kEfiGptEvent:
          EXPECT_TRUE(coverage.whole());
          break;
        case EventType::kEfiVariableBoot:
          EXPECT_TRUE(coverage.any());
          break;
        case EventType::kNoAction:
        case EventType::kEfiBootServicesApplication:
        case EventType::kEfiBootServicesDriver:
        case EventType::kEfiPlatformFirmwareBlob:
        case EventType::kEfiHandoffTables:
          EXPECT_FALSE(coverage.any());
          break;
        case EventType::kIpl:
          EXPECT_TRUE(coverage.any() || event.pcr == 9 || event.pcr == 14);
          break;
        default:
          break;
      }
      const std::string text = EventText(event);
      EXPECT_LE(text.size(), kMaxEventTextBytes);
    }
  }
}

TEST(RecordedLogs, B07_TheCommandLineIsTheOneOfTheLinuxCommand) {
  for (const auto& entry : Expectations()) {
    const std::string file = entry["file"];
    SCOPED_TRACE(file);
    const EventLog log = RecordedLog(file);
    const BootFacts facts = ReadFacts(log, *log.StrongestBank());
    const Problem* problem = facts.FirstProblem(8, Severity::kDenies);
    EXPECT_EQ(problem, nullptr) << problem->message;
    size_t kernel_lines = 0;
    for (const CommandLine& line : facts.command_lines.items) {
      EXPECT_TRUE(line.covered);
      EXPECT_FALSE(line.truncated);
      kernel_lines += line.source == CommandLineSource::kGrubKernel ? 1 : 0;
    }
    EXPECT_EQ(kernel_lines, facts.grub_commands.items.empty() ? 0U : 1U);
  }
}

TEST(RecordedLogs, FactsOfARedHatBoot) {
  const EventLog log = RecordedLog("keylime--binary_bios_measurements-secureboot");
  const BootFacts facts = ReadFacts(log, kSha256);
  EXPECT_EQ(facts.secure_boot.event, 4U);
  EXPECT_EQ(facts.pk.entries.items.size(), 1U);
  EXPECT_EQ(facts.kek.entries.items.size(), 3U);
  EXPECT_EQ(facts.db.entries.items.size(), 4U);
  EXPECT_GT(facts.dbx.entries.items.size(), 300U);
  EXPECT_TRUE(facts.dbx.usable());
  EXPECT_EQ(facts.firmware_version, "edk2-20240524-7.el9");
  ASSERT_TRUE(facts.sbat_level.has_value());
  EXPECT_EQ(facts.sbat_level->text,
            "sbat,1,2023012900\\x0ashim,2\\x0agrub,3\\x0agrub.debian,4\\x0a");
  EXPECT_EQ(facts.mok_variables.items.size(), 3U);
  ASSERT_TRUE(facts.partition_table.has_value());
  EXPECT_EQ(facts.partition_table->partitions.items.size(), 3U);

  std::vector<std::string> boot_loaders;
  std::set<Role> roles;
  for (const Component& component : facts.components.items) {
    roles.insert(component.role);
    if (component.role == Role::kBootLoader) {
      boot_loaders.push_back(component.name);
      EXPECT_EQ(component.digest.size(), 32U);
    }
  }
  EXPECT_EQ(boot_loaders, (std::vector<std::string>{"\\EFI\\redhat\\shimx64.efi",
                                                    "\\EFI\\redhat\\grubx64.efi", ""}));
  EXPECT_TRUE(roles.contains(Role::kOptionRom));
  EXPECT_TRUE(roles.contains(Role::kKernel));
  EXPECT_TRUE(roles.contains(Role::kInitRd));
  EXPECT_TRUE(roles.contains(Role::kFirmware));
}

TEST(RecordedLogs, L07_AnOldLogIsReadAndNamedSo) {
  const EventLog log = RecordedLog("tpm2-tools--event-uefi-sha1-log.bin");
  EXPECT_EQ(log.format(), Format::kTpm12);
  EXPECT_TRUE(log.HasReplay(tcg::AlgorithmId::kSha1));
  EXPECT_FALSE(ReplayBank(log, kSha256).declared);
  EXPECT_EQ(ReadFacts(log, kSha256).secure_boot.state, SecureBootState::kUnknown);
}

TEST(RecordedLogs, L17_NothingDependsOnExitBootServices) {
  auto builder = fakes::EventLogBuilder::From(
      fakes::ReadTestData("event-logs/keylime--binary_bios_measurements-secureboot"));
  const BootFacts with = FactsOf(builder);
  builder.events.resize(builder.events.size() - 2);
  BootFacts without = FactsOf(builder);
  EXPECT_EQ(without.event_count + 2, with.event_count);
  without.event_count = with.event_count;
  EXPECT_EQ(without, with);
}

}  // namespace
}  // namespace plimsoll::eventlog
